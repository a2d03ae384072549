//go:build !windows

package main

import "syscall"

func signalled(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == syscall.SIGKILL }
