package service

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownedBy reports whether the account is the owner.
func ownedBy(info fs.FileInfo, who account) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == who.uid
}

// closed is the first folder on the way to a place, or the place itself, that the
// account cannot pass or read by owner, group and mode; "" if there is none, or the
// place has an access list, which only trying tells.
func closed(place string, p Plan, who account) string {
	gids := []int{who.gid}
	for _, name := range p.groups() {
		if g, err := user.LookupGroup(name); err == nil {
			if gid, err := strconv.Atoi(g.Gid); err == nil {
				gids = append(gids, gid)
			}
		}
	}
	var way []string
	for dir := place; ; dir = filepath.Dir(dir) {
		way = append(way, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	slices.Reverse(way)
	for _, dir := range way {
		info, err := os.Stat(dir)
		if err != nil {
			return ""
		}
		need := fs.FileMode(0o1)
		if dir == place {
			need = 0o4
		}
		if !allowed(info, need, who.uid, gids) && !hasList(dir) {
			return dir
		}
	}
	return ""
}

// allowed applies owner, group and mode as the kernel does (path_resolution(7)).
func allowed(info fs.FileInfo, need fs.FileMode, uid int, gids []int) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case int(st.Uid) == uid:
		return mode&(need<<6) != 0
	case slices.Contains(gids, int(st.Gid)):
		return mode&(need<<3) != 0
	}
	return mode&need != 0
}

// hasList reports whether a file has an access list (acl(5)).
func hasList(name string) bool {
	n, err := unix.Getxattr(name, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
