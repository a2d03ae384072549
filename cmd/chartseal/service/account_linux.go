package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ensureAccount finds the account, or makes a system account that cannot log in
// (useradd(8)).
func ensureAccount(ctx context.Context, name, home string) (who account, made bool, err error) {
	who, err = find(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		out, failed := exec.CommandContext(ctx, "useradd", "--system", "--user-group", "--no-create-home", //nolint:gosec // the administrator's own word
			"--home-dir", home, "--shell", "/usr/sbin/nologin", "--comment", "chartseal", "--", name).CombinedOutput()
		if failed != nil {
			return who, false, fmt.Errorf("make the account %s: %w: %s", name, failed, strings.TrimSpace(string(out)))
		}
		made = true
		who, err = find(name)
	}
	if err != nil {
		return who, made, fmt.Errorf("find the account %s: %w", name, err)
	}
	if who.uid == 0 {
		err = errors.New("the service must not run as root; leave --account away, or name another")
	}
	return who, made, err
}

// thereAre makes sure of the groups before anything is done: systemd starts no service
// with one that is not there.
func thereAre(groups []string) error {
	for _, name := range groups {
		if _, err := user.LookupGroup(name); err != nil {
			return fmt.Errorf("find the group %s: %w; make it with: groupadd %s", name, err, name)
		}
	}
	return nil
}

// join puts the account into its groups (usermod(8)), so that a command that is run as the
// account reads what the service reads. The service has them from its unit in any case.
func join(ctx context.Context, name string, groups []string) (done []string) {
	for _, group := range groups {
		if isMember(name, group) {
			continue
		}
		out, err := exec.CommandContext(ctx, "usermod", "--append", "--groups", group, "--", name).CombinedOutput() //nolint:gosec // the administrator's own words
		if err != nil {                                                                                             // an account of a directory, for instance
			done = append(done, fmt.Sprintf("STILL TO DO: put the account %s into the group %s, for commands that are run as the account (%v: %s)", name, group, err, strings.TrimSpace(string(out))))
			continue
		}
		done = append(done, "put the account "+name+" into the group "+group)
	}
	return done
}

func isMember(name, group string) bool {
	u, err := user.Lookup(name)
	if err != nil {
		return false
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return false
	}
	ids, err := u.GroupIds()
	return err == nil && slices.Contains(ids, g.Gid)
}

// groupName is the account's own group, which need not have its name.
func groupName(who account) string {
	if g, err := user.LookupGroupId(strconv.Itoa(who.gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(who.gid)
}

// handOver gives the account what it needs: the state to itself alone, the folders it
// shares with staff, and reading the files of the configuration. Records are left
// alone: who may read them is the practice's own decision.
func handOver(p Plan, who account) (done []string, err error) {
	if err := own(p.State, who); err != nil {
		return nil, err
	}
	done = append(done, "gave the folder "+p.State+" to the service alone")
	for _, dir := range p.Shared {
		said, err := share(dir, who, p.Staff)
		if err != nil {
			return done, err
		}
		done = append(done, said...)
	}
	for _, file := range p.Files {
		changed, err := lend(file, filepath.Dir(p.Config), who)
		if err != nil {
			return done, err
		}
		if changed {
			done = append(done, "let the service read "+file)
		}
	}
	for _, said := range unreachable(p, who) {
		done = append(done, "STILL TO DO: "+said)
	}
	if p.LogDir != "" {
		done = append(done, "STILL TO DO: "+p.logless())
	}
	if p.Staff != "" {
		for _, dir := range p.Shared {
			if at := closed(dir, Plan{Groups: []string{p.Staff}}, nobody); at != "" {
				done = append(done, "STILL TO DO: the group "+p.Staff+" cannot go through "+at+" to "+dir+": chmod o+x "+at)
			}
		}
	}
	slices.Sort(done)
	return slices.Compact(done), nil
}

// own gives a folder with all in it to the account. Names in it are never followed.
func own(dir string, who account) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	if err := giveAll(dir, who.uid, who.gid); err != nil {
		return fmt.Errorf("give %s to the service: %w", dir, err)
	}
	return os.Chmod(dir, 0o700)
}

// giveAll changes the owner of a folder and of all in it: a daemon that somebody
// started by hand before has left its own files there.
func giveAll(dir string, uid, gid int) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, uid, gid)
	})
}

// share gives a folder to the account and its group to staff: what either puts there
// the other can take.
func share(dir string, who account, staff string) (done []string, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return []string{"STILL TO DO: the folder " + dir + " cannot be found now; the service needs to read and write it"}, nil //nolint:nilerr // a share that is away
	}
	gid := -1
	if staff != "" {
		g, err := user.LookupGroup(staff)
		if err != nil {
			return nil, fmt.Errorf("find the group of staff: %w", err)
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return nil, err
		}
	}
	if err := giveAll(dir, who.uid, gid); err != nil {
		return []string{"STILL TO DO: the folder " + dir + " cannot be given to the service (" + err.Error() + "); on a share, its server decides"}, nil
	}
	if err := os.Chmod(dir, info.Mode().Perm()|fs.ModeSetgid|0o770); err != nil {
		return nil, err
	}
	done = []string{"gave the folder " + dir + " to the service"}
	if staff != "" {
		done[0] += " and the group " + staff
	}
	return done, nil
}

// lend lets the account read a file that it cannot: the file and its folder get the
// account's group. Folders further up are left alone. In the practice's own folder, where
// the configuration is, what is made later gets that group as well: an editor that saves
// by renaming a new file into place would take the group away.
func lend(file, own string, who account) (changed bool, err error) {
	dir := filepath.Dir(file)
	for _, name := range []string{dir, file} {
		info, err := os.Stat(name)
		if err != nil {
			return changed, nil //nolint:nilerr // not every practice has every file
		}
		need, more := fs.FileMode(0o4), fs.FileMode(0)
		if name == dir {
			need = 0o1
			if dir == own && isOwn(dir) {
				more = fs.ModeSetgid
			}
		}
		switch {
		case ownedBy(info, who):
			continue
		case groupOf(info) == who.gid && info.Mode().Perm()&(need<<3) != 0 && info.Mode()&more == more:
			continue
		case info.Mode().Perm()&need != 0 && (more == 0 || readable(file)):
			continue
		}
		if err := os.Lchown(name, -1, who.gid); err != nil {
			return changed, fmt.Errorf("let the service read %s: %w", name, err)
		}
		if err := os.Chmod(name, info.Mode()&(fs.ModePerm|fs.ModeSetgid|fs.ModeSticky)|need<<3|more); err != nil {
			return changed, fmt.Errorf("let the service read %s: %w", name, err)
		}
		changed = true
	}
	return changed, nil
}

// readable tells whether everybody may read a file.
func readable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o4 != 0
}

// isOwn tells whether a folder can be the practice's own: it is none that belongs to the
// system or to a person as a whole.
func isOwn(dir string) bool {
	up := filepath.Dir(dir)
	return up != "/" && up != "/home"
}
