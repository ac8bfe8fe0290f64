package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
)

// bootstrapCommand begins an empty house.
type bootstrapCommand struct {
	File string `arg:"" type:"existingfile" help:"The founding: organisation, two administrators, guardian (deploy/demonstration.json is one)."`
}

// founding is the file of bootstrap. What it has besides belongs to the demonstration.
type founding struct {
	Organisation struct {
		Code string                      `json:"code"`
		Name string                      `json:"name"`
		Type vocabulary.OrganisationType `json:"type"`
	} `json:"organisation"`
	ValidFrom      string     `json:"valid_from"`
	BoardReference string     `json:"board_reference"`
	Administrators []newcomer `json:"administrators"`
	Guardian       newcomer   `json:"guardian"`
	extras
}

// newcomer is somebody to be enrolled, with a role where they are to hold one.
type newcomer struct {
	UserID   string            `json:"user_id"`
	Name     string            `json:"display_name"`
	JobTitle string            `json:"job_title"`
	Issuer   string            `json:"issuer"`
	Subject  string            `json:"subject"`
	OrgCode  string            `json:"org_code"`
	Role     vocabulary.Role   `json:"role"`
	Posts    []vocabulary.Post `json:"posts"`
}

func (n newcomer) person() caldicott.Person {
	return caldicott.Person{UserID: n.UserID, Name: n.Name, JobTitle: n.JobTitle, Issuer: n.Issuer, Subject: n.Subject, OrgCode: n.OrgCode}
}

// Run founds the house as the owner; refused where anybody was ever appointed.
func (c *bootstrapCommand) Run(t *tools) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	if config.OwnerURL == "" {
		return errors.New("bootstrap needs CALDICOTT_OWNER_URL")
	}
	f, err := readFounding(c.File)
	if err != nil {
		return err
	}
	furnished, err := house.Furnish(config.Closures)
	if err != nil {
		return err
	}
	if err := postgres.OwnsSchema(t.ctx, config.OwnerURL); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	err = asOwner(config, furnished, func(s *casework.Service) error { return s.Bootstrap(t.ctx, f.founding()) })
	if errors.Is(err, casework.ErrFounded) {
		return casework.ErrFounded // without the transaction's wrapping
	}
	if err == nil {
		fmt.Fprintf(t.out, "%s is founded: %s and %s administer, %s is guardian\n", f.Organisation.Code,
			f.Administrators[0].UserID, f.Administrators[1].UserID, f.Guardian.UserID)
	}
	return err
}

func readFounding(path string) (founding, error) {
	var f founding
	r, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer r.Close() //nolint:errcheck // read only
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f founding) founding() casework.Founding {
	out := casework.Founding{
		Organisation: caldicott.OrganisationRecord{Code: f.Organisation.Code, Name: f.Organisation.Name, Type: f.Organisation.Type},
		Guardian:     f.Guardian.person(), GuardianPosts: f.Guardian.Posts, BoardReference: f.BoardReference, ValidFrom: f.ValidFrom,
	}
	for _, a := range f.Administrators {
		out.Administrators = append(out.Administrators, a.person())
	}
	return out
}
