package main

import (
	"fmt"

	"github.com/caldicott/caldicott/internal/issuer"
)

// tokenCommand asks the demonstration's own issuer; no other issuer would answer.
type tokenCommand struct {
	Person string `arg:"" help:"user_id of a person of the demonstration, such as u-guardian."`
}

// Run prints the token and nothing else, so that it can stand in $(…).
func (c *tokenCommand) Run(t *tools) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	token, err := issuer.Fetch(t.ctx, "http://"+config.DemoIssuer, c.Person)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, token)
	return err
}
