package service

import "golang.org/x/sys/unix"

// hasList reports whether a file has an access list (acl(5)).
func hasList(name string) bool {
	n, err := unix.Getxattr(name, "system.posix_acl_access", nil)
	return err == nil && n > 0
}

// remedy is how an account is let at a place.
func remedy(name, at string) string {
	return "Add it to the folder's group (--group), or: setfacl -m u:" + name + ":rx " + at
}
