package atomicfile_test

import (
	"errors"
	"io/fs"
	"testing"

	"deployconstants/internal/atomicfile"
)

func TestParseMode(t *testing.T) {
	tests := []struct {
		text string
		want atomicfile.Mode
		err  error
	}{
		{text: "511", want: 0o777}, // the documented default of --dirmode
		{text: "438", want: 0o666}, // and of --filemode
		{text: "1535", want: 0o2777},
		{text: "509", want: 0o775},
		{text: "0o775", want: 0o775},
		{text: "0O2775", want: 0o2775},
		{text: "0775", want: 0o775},
		{text: "0664", want: 0o664},
		{text: "0", want: 0},
		{text: "4095", want: 0o7777},
		{text: "4096", err: atomicfile.ErrMode},
		{text: "0o10000", err: atomicfile.ErrMode},
		{text: "", err: atomicfile.ErrMode},
		{text: "0o", err: atomicfile.ErrMode},
		{text: "-1", err: atomicfile.ErrMode},
		{text: "+511", err: atomicfile.ErrMode},
		{text: "0x1ff", err: atomicfile.ErrMode},
		{text: "08", err: atomicfile.ErrMode},
		{text: "rw-rw-r--", err: atomicfile.ErrMode},
		{text: "5_1_1", err: atomicfile.ErrMode},
		{text: "99999999999999999999", err: atomicfile.ErrMode},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := atomicfile.ParseMode(test.text)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, test.want, test.err)
			}
		})
	}
}

// An octal number typed without its zero is what the checks are to catch.
func TestCheckMode(t *testing.T) {
	for _, mode := range []atomicfile.Mode{0o600, 0o664, 0o666, 0o777} {
		if err := mode.CheckFile(); err != nil {
			t.Errorf("file mode %v: %v", mode, err)
		}
	}
	for _, mode := range []atomicfile.Mode{0, 0o466, 0o266, 0o066, 664, 644, 666} {
		if err := mode.CheckFile(); !errors.Is(err, atomicfile.ErrFileMode) {
			t.Errorf("file mode %v: got %v, want ErrFileMode", mode, err)
		}
	}
	for _, mode := range []atomicfile.Mode{0o2664, 0o1666, 0o4755, 0o7777, 0o10666} {
		if err := mode.CheckFile(); !errors.Is(err, atomicfile.ErrFileBits) {
			t.Errorf("file mode %v: got %v, want ErrFileBits", mode, err)
		}
	}
	for _, mode := range []atomicfile.Mode{0o700, 0o775, 0o2777} {
		if err := mode.CheckDir(); err != nil {
			t.Errorf("directory mode %v: %v", mode, err)
		}
	}
	for _, mode := range []atomicfile.Mode{0, 0o666, 0o577, 775, 777, 2775, 0o10777} {
		if err := mode.CheckDir(); !errors.Is(err, atomicfile.ErrDirMode) {
			t.Errorf("directory mode %v: got %v, want ErrDirMode", mode, err)
		}
	}
}

func TestModeOfFileInfo(t *testing.T) {
	for mode := atomicfile.Mode(0); mode <= 0o7777; mode++ {
		if got := atomicfile.ModeOf(mode.FS()); got != mode {
			t.Fatalf("mode %v comes back as %v", mode, got)
		}
	}
	if got := atomicfile.Mode(0o2775).FS(); got != 0o775|fs.ModeSetgid {
		t.Errorf("0o2775 is %v for the os package", got)
	}
}
