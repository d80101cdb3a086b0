// Package planfile is the format of plans.
package planfile
