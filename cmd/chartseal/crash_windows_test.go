package main

import "syscall"

func signalled(syscall.WaitStatus) bool { return false }
