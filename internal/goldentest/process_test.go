package goldentest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/cli"
)

// asRoot reports whether the tests may change owners and run steps as other users.
var asRoot = os.Geteuid() == 0

// workshop is the folder of everything that the tests make, open to every user;
// command is a copy of the test binary in it, since the folder of the test binary
// itself is closed to others.
var workshop, command string

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(worldVariable); ok {
		os.Exit(runInWorld(text))
	}
	status, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

func runTests(m *testing.M) (status int, err error) {
	syscall.Umask(umaskLCLS)
	if workshop, err = os.MkdirTemp("", "goldentest-"); err != nil {
		return 1, err
	}
	defer func() {
		if removeErr := removeAll(workshop); removeErr != nil {
			status, err = 1, errors.Join(err, removeErr)
		}
	}()
	if workshop, err = filepath.EvalSymlinks(workshop); err != nil {
		return 1, err
	}
	if err := os.Chmod(workshop, 0o755); err != nil {
		return 1, err
	}
	if command, err = copySelf(filepath.Join(workshop, "deploy_constants")); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func copySelf(to string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	from, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer from.Close()
	copied, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(copied, from)
	return to, errors.Join(err, copied.Close())
}

// worldVariable carries a world to the test binary that runs as the command.
const worldVariable = "GOLDENTEST_WORLD"

// world is what a step of a case takes from its process and a test must decide.
type world struct {
	Now       int64  // seconds since 1970
	Account   string // login name in the password file
	Host      string
	Umask     int
	FileLimit uint64 // largest file that can be written, in bytes; 0: any
	Library   string // case of group S instead of a command line, see libraryCalls
}

// runInWorld is the whole program of the child: the command, or one library call.
func runInWorld(text string) int {
	var w world
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	syscall.Umask(w.Umask)
	if err := limitFileSize(w.FileLimit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	env := cli.System()
	env.Now = func() time.Time { return time.Unix(w.Now, 0) }
	env.Account = func() string { return w.Account }
	env.Host = func() string { return w.Host }
	if w.Library == "" {
		return cli.Run(context.Background(), env, os.Args[1:])
	}
	if err := callLibrary(context.Background(), env, w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// invocation is one process to start.
type invocation struct {
	argv    []string
	user    string
	cwd     string            // as the case names it
	env     map[string]string // besides the facility's own
	world   world
	program string // "": the test binary in the world
}

// outcome is what a process left behind besides files. The private root is taken
// off both texts.
type outcome struct {
	status         int
	stdout, stderr string
}

func (o outcome) String() string {
	return fmt.Sprintf("exit status %d\nstdout: %s\nstderr: %s", o.status, o.stdout, o.stderr)
}

// stepLimit is far above what a step takes; a step that hangs fails its case alone.
const stepLimit = time.Minute

// start runs the process to its end.
func (f facility) start(t testing.TB, in invocation) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepLimit)
	defer cancel()
	argv := make([]string, len(in.argv))
	for i, arg := range in.argv {
		argv[i] = f.argument(arg)
	}
	program := in.program
	environment := f.environment(in)
	if program == "" {
		program = command
		text, err := json.Marshal(in.world)
		if err != nil {
			t.Fatal(err)
		}
		environment = append(environment, worldVariable+"="+string(text))
	}
	cmd := exec.CommandContext(ctx, program, argv...)
	cmd.Dir, cmd.Env = f.at(in.cwd), environment
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if asRoot {
		p, ok := people[in.user]
		if !ok {
			t.Fatalf("unknown user %q", in.user)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.gid}}
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if cmd.ProcessState.ExitCode() < 0 {
		t.Fatalf("%q ended by %v\n%s", argv, cmd.ProcessState, &stderr)
	}
	return outcome{
		status: cmd.ProcessState.ExitCode(),
		stdout: strings.ReplaceAll(stdout.String(), f.root, ""),
		stderr: strings.ReplaceAll(stderr.String(), f.root, ""),
	}
}

func (f facility) environment(in invocation) []string {
	variables := map[string]string{
		"PATH":          "/usr/bin:/bin",
		"HOME":          f.at("/home/" + in.user),
		"PWD":           f.at(in.cwd),
		"SIT_ROOT":      f.at(siteRoot),
		"SIT_DATA":      f.at(siteRoot + "/data"),
		"SIT_PSDM_DATA": f.at(dataRoot),
		"GORACE":        "atexit_sleep_ms=0", // a program with race detection lingers a second otherwise
	}
	if dir, ok := os.LookupEnv("GOCOVERDIR"); ok {
		variables["GOCOVERDIR"] = dir
	}
	if in.program != "" {
		variables["LOGNAME"] = in.user // the host's password file does not know the users of the cases
	}
	maps.Copy(variables, in.env)
	list := make([]string, 0, len(variables))
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// condaEnvironment is the release that each era ran in; the record at start has it.
var condaEnvironment = map[string]string{
	"s2206": "ana-4.0.42-py3",
	"s2209": "ana-4.0.46-py3",
	"head":  "ana-4.0.60-py3",
}

// invocation returns the process of one step.
func (s step) invocation(c goldenCase, era string) (invocation, error) {
	in := invocation{
		argv: s.arguments(era),
		user: firstUser,
		cwd:  homeDir,
		env:  map[string]string{"CONDA_DEFAULT_ENV": condaEnvironment[era]},
	}
	if s.User != "" {
		in.user = s.User
	}
	if s.Cwd != "" {
		in.cwd = s.Cwd
	}
	if c.TZ != "" {
		in.env["TZ"] = c.TZ
	}
	for name, value := range s.Env {
		delete(in.env, name)
		if value != nil {
			in.env[name] = *value
		}
	}
	in.world = world{Now: s.Now, Account: in.user, Host: hostName, Umask: umaskLCLS}
	if c.Umask != "" {
		if _, err := fmt.Sscanf(c.Umask, "%o", &in.world.Umask); err != nil {
			return in, fmt.Errorf("umask %q: %w", c.Umask, err)
		}
	}
	if s.Py != "" {
		in.world.Library = c.number()
	}
	return in, nil
}

// ourCommands are the commands that were programs of their own, by these.
var ourCommands = map[string]string{
	"geometry_deploy_constants": "geometry",
	"epix10ka_deploy_constants": "epix10ka",
	"jungfrau_deploy_constants": "jungfrau",
}

// arguments are those of our program, which has the other program as a command.
func (s step) arguments(era string) []string {
	argv := eraArguments(era, s.Argv.of(era))
	if name, ok := ourCommands[s.App]; ok {
		argv = append([]string{name}, argv...)
	}
	return argv
}

// eraArguments puts the default directory mode of September 2022 first; ours is
// that of June.
func eraArguments(era string, argv []string) []string {
	if era != "s2209" || len(argv) == 0 {
		return argv
	}
	return append(slices.Clone(eraOptions), argv...)
}

var eraOptions = []string{"--dirmode", "1535"}
