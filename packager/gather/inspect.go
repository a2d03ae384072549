package gather

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"chartseal/redact"
)

// headBytes is how much of a file is shown to the sniffers.
const headBytes = 4 << 10

// troubleError carries a trouble through the steps of looking at one file.
type troubleError struct{ t trouble }

func (e troubleError) Error() string { return "file is refused" }

// inspect looks at one file of a folder: what it is, whose and of which day.
// A nil item without an error is no record.
func (c *collector) inspect(ctx context.Context, src *source, dir *os.Root, rel, name string) (*Item, error) {
	f, st, info, err := openRegular(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	file := &File{ctx: ctx, f: f, stamp: st, folder: src.place.name}
	if st.links > 1 {
		return nil, errors.Join(troubleError{hardLink}, file.Close())
	}
	it := &Item{
		Kind: src.Kind, Name: name, Path: path.Join(rel, name),
		Bytes: st.size, ModTime: info.ModTime(),
		source: src.n, place: src.place, stamp: st,
	}
	keep, err := c.read(ctx, file, it, src, dir)
	if err = errors.Join(err, file.Close()); err != nil || !keep {
		return nil, err
	}
	return it, nil
}

// read fills in what the content tells. It reports false for what is no record.
func (c *collector) read(ctx context.Context, file *File, it *Item, src *source, dir *os.Root) (bool, error) {
	head := make([]byte, min(headBytes, it.Bytes))
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if !c.req.SniffDICOM(head) {
		return true, c.readOther(ctx, it, head, src, dir)
	}
	it.Format = FormatDICOM
	if fold(it.Name) == "DICOMDIR" { // PS3.10 8.6: the index of a disc; the bundle has its own
		c.count(&c.discIndexes)
		return false, nil
	}
	id, err := c.req.Identify(ctx, file)
	if err != nil {
		return false, dicomTrouble(err)
	}
	it.Identity = id
	if id.SOPClassUID == mediaStorageDirectory {
		c.count(&c.discIndexes)
		return false, nil
	}
	return true, c.date(ctx, it, src, dir)
}

// mediaStorageDirectory is the class of a DICOMDIR under another name (PS3.4 B.5).
const mediaStorageDirectory = "1.2.840.10008.1.3.10"

func dicomTrouble(err error) error {
	if _, ok := errors.AsType[*redact.Refusal](err); ok {
		return troubleError{brokenDICOM}
	}
	return err
}

func (c *collector) readOther(ctx context.Context, it *Item, head []byte, src *source, dir *os.Root) error {
	if len(head) == 0 {
		return troubleError{empty}
	}
	for _, format := range c.req.Formats {
		if format.Sniff(head) {
			it.Format = format.Name
			return c.date(ctx, it, src, dir)
		}
	}
	switch ext := strings.ToLower(path.Ext(it.Name)); {
	case ext == ".dcm" || ext == ".dicom":
		return troubleError{notDICOM}
	case len(c.req.Formats) > 0:
		return troubleError{unknownFormat}
	}
	return c.date(ctx, it, src, dir)
}

// openRegular opens one file of a folder if it is an ordinary
// one, without waiting and without following a link.
func openRegular(ctx context.Context, dir *os.Root, name string) (*os.File, stamp, fs.FileInfo, error) {
	defer PulseOf(ctx).begin()()
	listed, err := dir.Lstat(name)
	if err != nil {
		return nil, stamp{}, nil, fileTrouble(err)
	}
	if t := kindTrouble(listed.Mode()); t != noTrouble {
		return nil, stamp{}, nil, troubleError{t}
	}
	f, err := dir.OpenFile(name, openQuietly, 0)
	if err != nil {
		return nil, stamp{}, nil, fileTrouble(err)
	}
	st, err := stampOf(f)
	if err == nil {
		err = sameOrdinary(f, listed, st)
	}
	if err != nil {
		return nil, stamp{}, nil, errors.Join(err, bare(f.Close()))
	}
	return f, st, listed, nil
}

func sameOrdinary(f *os.File, listed fs.FileInfo, st stamp) error {
	opened, err := f.Stat()
	switch {
	case err != nil:
		return fileTrouble(err)
	case !os.SameFile(listed, opened):
		return troubleError{changing}
	case st.mode != 0:
		return troubleError{special}
	}
	return nil
}

func kindTrouble(mode fs.FileMode) trouble {
	switch {
	case mode.IsRegular():
		return noTrouble
	case mode&fs.ModeSymlink != 0:
		return link
	}
	return special
}

// fileTrouble sorts the errors of opening and reading.
func fileTrouble(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return troubleError{changing}
	}
	return troubleError{unreadableFile}
}

// date finds the day of a record, from the most trusted source on, and what its
// side file says of it.
func (c *collector) date(ctx context.Context, it *Item, src *source, dir *os.Root) error {
	beside, err := readSideFile(ctx, dir, it.Name+sideSuffix)
	it.marked = beside.sensitive
	if id := it.Identity; id != nil {
		for _, da := range []string{id.StudyDate, id.AcquisitionDate, id.SeriesDate, id.ContentDate} {
			if it.Date = dicomDate(da); it.Date != "" {
				it.DateSource = DateDICOM
				return err
			}
		}
	}
	if it.Date = nameDate(it.Name, c.birth); it.Date != "" {
		it.DateSource = DateName
		return err
	}
	if it.Date = folderDate(it.Path, src.below, c.birth); it.Date != "" {
		it.DateSource = DateFolder
		return err
	}
	if it.Date = beside.date; it.Date != "" {
		it.DateSource = DateSideFile
		return err
	}
	it.Date, it.DateSource = it.ModTime.In(c.zone).Format(isoDate), DateModified
	return err
}

// folderDate looks at the folders of a file, the nearest first, down to the
// patient's own.
func folderDate(rel, patientFolder, birth string) string {
	for dir := path.Dir(rel); dir != "." && dir != patientFolder; dir = path.Dir(dir) {
		if day := nameDate(path.Base(dir), birth); day != "" {
			return day
		}
	}
	return ""
}

// readSideFile returns nothing when there is no side file. One that is put in another's
// place just now may hold the record.
func readSideFile(ctx context.Context, dir *os.Root, name string) (side, error) {
	end := PulseOf(ctx).begin()
	_, err := dir.Lstat(name)
	end()
	if errors.Is(err, fs.ErrNotExist) {
		return side{}, nil
	}
	f, _, _, err := openRegular(ctx, dir, name)
	var refused troubleError
	if errors.As(err, &refused) && refused.t == changing {
		return side{}, refused
	}
	if err != nil {
		return side{}, troubleError{badSideFile}
	}
	s, err := readSide(f)
	if err = errors.Join(err, bare(f.Close())); err != nil {
		return side{}, troubleError{badSideFile}
	}
	return s, nil
}
