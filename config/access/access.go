// Package access tells who besides the owner may open the practice's own files, and
// closes those that are private: by their mode on Unix, and on Windows, where a mode
// means nothing, by their access list.
package access

import (
	"errors"
	"io/fs"
)

// Others are what accounts besides the owner of a file, the system and the
// administrators may do with it. On Windows a group is one that was named in the list,
// and the rest is what everybody is in who can log in.
type Others struct{ GroupRead, GroupWrite, Read, Write bool }

// Any tells whether anybody else gets at it.
func (o Others) Any() bool { return o.GroupRead || o.GroupWrite || o.Read || o.Write }

// bare takes the path out of an error.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
