//go:build unix && !linux

package postgres

import "syscall"

func endWithParent(*syscall.SysProcAttr) {} // there is no such thing
