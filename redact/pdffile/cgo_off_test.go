//go:build !cgo

package pdffile

const cgo = false
