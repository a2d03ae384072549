package practice

import (
	"path/filepath"
)

// strew leaves what Windows and macOS leave in folders people have looked at,
// and the lock file of a chart somebody has open.
func (p *Practice) strew(dir string) error {
	compound := append([]byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}, make([]byte, 1016)...) // MS-CFB 2.2
	store := append([]byte{0, 0, 0, 1, 'B', 'u', 'd', '1'}, make([]byte, 500)...)
	for _, l := range []struct {
		path string
		data []byte
	}{
		{"10432/radiographs/Thumbs.db", compound},
		{"10432/photos/Thumbs.db", compound},
		{"10432/.DS_Store", store},
		{"10432/charts/.DS_Store", store},
		{"10432/charts/desktop.ini", []byte("[.ShellClassInfo]\r\nIconResource=imageres.dll,-112\r\n")},
		{"10432/charts/~$26-11-10 referral chart.pdf", []byte("\x09Tamsin Q.")},
		{"20871/radiographs/Thumbs.db", compound},
		{"OBS7/charts/.DS_Store", store},
	} {
		if err := write(filepath.Join(dir, "records", filepath.FromSlash(l.path)), l.data); err != nil {
			return err
		}
		p.Litter = append(p.Litter, l.path)
	}
	return nil
}
