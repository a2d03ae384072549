package postgres

import "syscall"

// endWithParent stops the server when whoever started it is killed.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGINT }
