//go:build !linux

package pdffile

func confined() {}
