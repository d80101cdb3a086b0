// Package apply carries plans out.
package apply
