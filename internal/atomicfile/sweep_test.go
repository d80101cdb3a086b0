package atomicfile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/atomicfile"
)

// A publication removes what dead ones left, and nothing else.
func TestPublishSweeps(t *testing.T) {
	host, err := os.Hostname()
	must(t, err)
	ended := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^$")
	must(t, ended.Run())
	dead, alive := ended.Process.Pid, os.Getpid()

	tests := []struct {
		name string
		age  time.Duration
		want bool // still there
	}{
		{fmt.Sprintf(".tmp-%s-%d-1", host, dead), 0, false},
		{fmt.Sprintf(".tmp-%s-%d-77", host, alive), 0, true},
		{fmt.Sprintf(".tmp-%s-%d-78", host, alive), 25 * time.Hour, false},
		{fmt.Sprintf(".tmp-other-host.example.org-%d-1", dead), time.Hour, true},
		{fmt.Sprintf(".tmp-other-host.example.org-%d-2", dead), 25 * time.Hour, false},
		{".tmp-host-12", 25 * time.Hour, true},
		{".tmp-host-12-x", 25 * time.Hour, true},
		{".tmp-host-x-12", 25 * time.Hour, true},
		{".tmp-", 25 * time.Hour, true},
		{".hidden", 25 * time.Hour, true},
		{fmt.Sprintf("tmp-%s-%d-1", host, dead), 25 * time.Hour, true},
		{"5-end.data", 25 * time.Hour, true},
	}
	root, dir := openDir(t)
	var want []string
	for _, test := range tests {
		path := filepath.Join(dir, test.name)
		write(t, path, "part of something", 0o600)
		then := time.Now().Add(-test.age)
		must(t, os.Chtimes(path, then, then))
		if test.want {
			want = append(want, test.name)
		}
	}
	directory := fmt.Sprintf(".tmp-%s-%d-9", host, dead)
	must(t, os.Mkdir(filepath.Join(dir, directory), 0o755))
	want = append(want, directory, name)

	if _, err := atomicfile.Publish(root, name, strings.NewReader("x"), atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
