package atomicfile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// tempPrefix begins the name of every temporary. A leading dot hides it from
	// listings and from psana's finders.
	tempPrefix = ".tmp-"

	// staleAge is how long a temporary of another host is left alone. No
	// publication takes so long, and no host's clock is so wrong.
	staleAge = 24 * time.Hour
)

// hostName returns the name of this host as temporaries carry it.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return strings.ReplaceAll(name, "/", "_")
}

// newTempName returns a ".tmp-<host>-<pid>-<number>". The number is random: two
// containers may have one host name and process number, and if one took the name
// of the other's temporary that it swept, the other would publish it.
func newTempName() string {
	return fmt.Sprintf("%s%s-%d-%d", tempPrefix, hostName(), os.Getpid(), rand.Uint64())
}

// parseTempName splits the name of a temporary; a host's name may have dashes.
func parseTempName(name string) (host string, pid int, ok bool) {
	rest, ok := strings.CutPrefix(name, tempPrefix)
	if !ok {
		return "", 0, false
	}
	fields := strings.Split(rest, "-")
	last := len(fields) - 1
	if last < 2 {
		return "", 0, false
	}
	if _, err := strconv.ParseUint(fields[last], 10, 64); err != nil {
		return "", 0, false
	}
	pid, err := strconv.Atoi(fields[last-1])
	if err != nil || pid <= 0 {
		return "", 0, false
	}
	return strings.Join(fields[:last-1], "-"), pid, true
}

// sweep removes what publications that died left in dir. It is a courtesy: what
// cannot be removed stays for the next one.
func sweep(sys system, dir *os.File) {
	names, err := list(dir)
	if err != nil {
		return
	}
	for _, name := range names {
		host, pid, ok := parseTempName(name)
		if !ok {
			continue
		}
		st, err := statAt(dir, name)
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		dead := host == hostName() && errors.Is(unix.Kill(pid, 0), unix.ESRCH)
		if dead || time.Since(time.Unix(st.Mtim.Unix())) > staleAge {
			_ = sys.Remove(dir, name)
		}
	}
}

// temporaryNames counts the names in dir that are temporaries and lead to the
// file.
func temporaryNames(dir *os.File, file *unix.Stat_t) (count uint64) {
	names, err := list(dir)
	if err != nil {
		return 0
	}
	for _, name := range names {
		if _, _, ok := parseTempName(name); !ok {
			continue
		}
		if st, err := statAt(dir, name); err == nil && sameFile(&st, file) {
			count++
		}
	}
	return count
}
