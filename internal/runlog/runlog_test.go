package runlog_test

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/runlog"
)

var (
	start = runlog.Start{
		Time: time.Date(2022, 6, 9, 12, 19, 26, 0, time.UTC), User: "dubrovin", Host: "psanagpu105",
		WorkDir: "/home/dubrovin", Release: "ana-4.0.42-py3", Repository: "/repo", Program: "deploy_constants",
		Args: []string{"deploy_constants", "-e", "xpptut15"},
	}
	options = runlog.Options{DirMode: 0o2775, FileMode: 0o664, Group: -1}
)

func TestStartIsTheOriginalRecord(t *testing.T) {
	const want = "\n2022-06-09T12:19:26 user:dubrovin@psanagpu105 cwd:/home/dubrovin rel:ana-4.0.42-py3 " +
		"dirrepo:/repo command:deploy_constants -e xpptut15"
	if got := start.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	hostile := start
	hostile.Release, hostile.WorkDir = "", "/tmp/a\nb"
	const escaped = "\n2022-06-09T12:19:26 user:dubrovin@psanagpu105 cwd:/tmp/a\\x0ab " +
		"rel:NON-DEFINED-env-CONDA_DEFAULT_ENV dirrepo:/repo command:deploy_constants -e xpptut15"
	if got := hostile.String(); got != escaped {
		t.Errorf("got %q, want %q", got, escaped)
	}
	if got := start.Name(); got != "2022/2022_lcls1_deploy_constants.txt" {
		t.Errorf("name %q", got)
	}
	if got := runlog.LogName(start.Time, "deploy_constants", "me"); got != "logs/2022/2022-06-09T121926_log_deploy_constants_me.txt" {
		t.Errorf("log name %q", got)
	}
}

func TestAppendMakesFoldersAndKeepsWhatIsThere(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	for range 2 {
		if err := runlog.Append(dir, start.Name(), start.String(), options); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, start.Name())
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := start.String() + start.String(); string(content) != want {
		t.Errorf("got %q, want %q", content, want)
	}
	for name, want := range map[string]atomicfile.Mode{path: 0o664, filepath.Dir(path): 0o2775} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := atomicfile.ModeOf(info.Mode()); got != want {
			t.Errorf("mode of %s is %v, want %v", name, got, want)
		}
	}
}

func TestAppendRefusesPlantedFiles(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("victim", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := runlog.Append(dir, "link", "text", options); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("a link: %v", err)
	}
	if err := os.Link(victim, filepath.Join(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	if err := runlog.Append(dir, "hard", "text", options); !errors.Is(err, atomicfile.ErrLinked) {
		t.Errorf("a second name: %v", err)
	}
	if err := runlog.Append(dir, "../outside", "text", options); err == nil {
		t.Error("a name outside the folder is refused")
	}
	if content, _ := os.ReadFile(victim); string(content) != "mine" {
		t.Errorf("the victim was changed to %q", content)
	}
}

func TestALogThatCannotBeWrittenIsToldAtTheEnd(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	log, err := runlog.OpenLog(t.TempDir(), "logs/log.txt", options)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	_, writeErr := log.Write([]byte("a line that is longer than the file may be\n"))
	_, secondErr := log.Write([]byte("another\n"))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if writeErr != nil || secondErr != nil {
		t.Errorf("writing must not fail: %v, %v", writeErr, secondErr)
	}
	if err := log.Close(); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Close: %v, want EFBIG", err)
	}
}
