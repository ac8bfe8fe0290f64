// Package caldicott is the vocabulary and the rules of the house, in the standard library's words only.
package caldicott
