package cli

const regularExample = program + " -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1 -C gain -D -c ./calib"

// helpText is the help of the single-shot command: the documentation's examples
// first, then the options with their defaults.
const helpText = `deploy_constants - deployment of calibration parameters

usage:
  deploy_constants -e <experiment> -d <detector> -r <run-number> -C <calib-type> [-D] [-l <log-level>] [...]
  deploy_constants COMMAND [...]

REGULAR COMMAND EXAMPLE:
  deploy_constants -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1 -C gain -D -c ./calib --runrange 10-20

  Input parameters to select dataset:                     # dataset:
    -e xpptut15 -r 260                                      # exp=xpptut15:run=260
    -e xpptut15 -r 260 -s :smd                              # exp=xpptut15:run=260:smd
    -e xpptut15 -r 260 -s :dir=path/xtc::stream=0-79        # exp=xpptut15:run=260:dir=path/xtc::stream=0-79
    -x /cds/data/drpsrcf/mfx/mfxlv4920/xtc/<file-name.xtc>  # /cds/data/drpsrcf/mfx/mfxlv4920/xtc/<file-name.xtc>

TEST COMMANDS:
Ex.1  for epix100a     : deploy_constants -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1 -C gain -D -c ./calib
Ex.2  for Cspad CXI    : deploy_constants -e xpptut15 -r 380 -d CxiDs1.0:Cspad.0 -C gain -D -c ./calib
Ex.3  for Cspad CXI    : deploy_constants -e xpptut15 -r 380 -d CxiDs2.0:Cspad.0 -C gain -D -c ./calib
Ex.4  for Cspad XPP    : deploy_constants -e xpptut15 -r 320 -d XppGon.0:Cspad.0 -C gain -D -c ./calib
Ex.5  for cspad2x2     : deploy_constants -e xpptut15 -r 460 -d MecTargetChamber.0:Cspad2x2.3 -C gain -D -c ./calib
Ex.6  for pnCCD        : deploy_constants -e xpptut15 -r 450 -d Camp.0:pnCCD.1 -C gain -D -c ./calib

OPTIONS:
  -h, --help            show this help and exit
  -e, --exp EXP         experiment name; default: that of the dataset -x
  -d, --det DET         detector: full name, DAQ alias, or DetInfo(<full name>)
  -r, --run RUN         run number of the dataset, which gives the run's time, the
                        detector's full name and hardware id; default: that of -x
  -t, --tstamp TSTAMP   time stamp to search constants for, instead of the run's:
                        YYYY[mm[dd[HH[MM[SS]]]]] in the facility's time zone
  -s, --dssuffix SUFFIX dataset name suffix behind exp=<exp>:run=<run>, for example
                        ":smd:dir=<path>/xtc/"
  -x, --dsname DSNAME   whole dataset name or path of an xtc file, instead of
                        exp=<exp>:run=<run><suffix>; a suffix if it begins with ":"
                        (also --dsnamex)
  -o, --dirrepo DIR     repository of constants;
                        default: $SIT_ROOT/detector/calib/constants
  -c, --dircalib DIR    calib directory; default: that of the experiment,
                        $SIT_PSDM_DATA/<INSTRUMENT>/<experiment>/calib
  -C, --ctype CTYPE     calibration type (gain, common_mode, geometry, pedestals,
                        rms, status, status_extra, ...); default: gain
  -l, --loglev LEVEL    one of INFO, CRITICAL, WARN, WARNING, ERROR, DEBUG, NOTSET;
                        default: INFO
      --dirmode MODE    mode of all directories made, octal with a leading 0 or 0o,
                        else decimal; default: 511, which is 0o777; directories in
                        a calib tree carry setgid besides
      --filemode MODE   mode of all files made; default: 438, which is 0o666
      --group GROUP     group owner of everything made; default: the system's choice
  -D, --deploy          deploy the constants to the calib directory; without it
                        the repository tree is made and the choice is shown
  -R, --runrange RANGE  run range of the deployed file, <begin>-<end> or
                        <begin>-end, 0 to 9999; default: 0-end
  -n, --dry-run         make nothing at all: no tree, alias, log, record, or file
      --config FILE     settings file; default: $DEPLOY_CONSTANTS_CONFIG,
                        else /etc/deploy_constants.toml if it exists
      --json            print the result as one JSON document
  -v, --version         print the version and exit

  Long options may be shortened to any unique prefix; the last of repeated
  options counts. Times are those of the facility's zone, America/Los_Angeles
  unless the settings say otherwise.

COMMANDS for a whole facility:
  sweep                 scan, plan, apply and verify in one go, for cron
  scan                  read the headers of new and changed runs into the ledger
  merge                 make the constants of detectors from those of their panels
  plan                  say every change that calib directories need, and why
  apply                 carry a plan out as one transaction
  verify                find deployed files that are no longer as intended
  undo                  take a transaction back, to the byte
  history               list transactions, or show what one of them did
  affected              say which experiments, runs and files a change would touch
  explain               say which constants a run gets, and why

COMMANDS for a Slurm cluster:
  submit                scan, apply, or sweep as job arrays: scan, apply, sweep
  status                say how far a job is, and why shards failed
  resume                submit again what is missing of a job
  cancel                cancel all that Slurm has of a job
  jobs                  what became of jobs: ls, show, merge, rm
  task                  carry out one shard of a job: what array tasks run

OTHER COMMANDS:
  geometry              deploy the geometry of a detector, moved where asked for
  epix10ka              merge and deploy the constants of an Epix10ka's panels
  jungfrau              merge and deploy the constants of a Jungfrau's panels
  dark                  pedestals, rms, and status of pixels from dark runs into the repository
  injection             gains and offsets of an Epix10ka from charge injection
  ledger                what the XTC headers said: ls, show, compact, export
  repo                  the constants repository: init, name, save, ls, aliases, check, withdraw
  xtc                   look inside XTC files: dump, ids
  config                the settings of the site: show, check
  completion            print what makes bash, zsh or fish complete commands
  "deploy_constants COMMAND -h" shows the help of a command.

EXIT STATUS:
  0    done, or nothing was asked for
  1    failed; nothing was deployed unless the message says so
  2    the command line is wrong; nothing was touched
  3    -D was given, but no constants are valid for this detector and time;
       commands for many things: some of them failed, the rest is done
  4    changes are pending, with --detailed-exitcode
  5    damage or drift was found
  10   the repository or a data root is missing, or a data root is empty
  11   something is locked by another process
  75   only of task: not done now, to be started again
  130  interrupted, 143 terminated, 129 connection lost
`
