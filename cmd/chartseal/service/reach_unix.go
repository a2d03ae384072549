//go:build unix

package service

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// ownedBy reports whether the account is the owner.
func ownedBy(info fs.FileInfo, who account) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == who.uid
}

// groupOf is the number of a file's group.
func groupOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
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

// account is who the service runs as.
type account struct {
	uid, gid int
}

// nobody is a member of staff, of whom only the group counts.
var nobody = account{-1, -1}

// find finds an account of this computer.
func find(name string) (who account, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return who, err
	}
	if who.uid, err = strconv.Atoi(u.Uid); err == nil {
		who.gid, err = strconv.Atoi(u.Gid)
	}
	return who, err
}

// unreachable are sentences on what of the practice an account cannot read.
func unreachable(p Plan, who account) (said []string) {
	for _, place := range slices.Concat(p.write(), p.Read, p.Files) {
		if at := closed(place, p, who); at != "" {
			said = append(said, "the account "+p.Account+" cannot go through "+at+" or read it. "+remedy(p.Account, at))
		}
	}
	slices.Sort(said)
	return slices.Compact(said)
}
