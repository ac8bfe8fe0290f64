//go:build !race

package main

// raced says that this program runs under the race detector, and so is what it builds.
const raced = false
