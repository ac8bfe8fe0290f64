package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// endpoint is the name of the one webhook there is.
const endpoint = "register"

// receiver is a webhook's other end.
type receiver struct {
	arrived *arrivals
	server  *http.Server
	hook    *standardwebhooks.Webhook
	config  string // for CALDICOTT_WEBHOOKS
	ended   chan error
}

// openReceiver listens, with a secret of its own.
func openReceiver(ctx context.Context, arrived *arrivals) (*receiver, error) {
	key := make([]byte, 32)
	rand.Read(key) //nolint:errcheck // never fails
	secret := "whsec_" + base64.StdEncoding.EncodeToString(key)
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	config, err := json.Marshal([]map[string]any{{
		"name": endpoint, "organisation": home, "url": "http://" + listener.Addr().String() + "/told", "secrets": []string{secret},
	}})
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	r := &receiver{arrived: arrived, hook: hook, config: string(config), ended: make(chan error, 1)}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { r.ended <- r.server.Serve(listener) }()
	return r, nil
}

// ServeHTTP takes a notice, refuses it for now, or keeps its sender waiting. What is not signed as it must be is a finding.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
	if err != nil {
		return // the sender was killed in the middle of it
	}
	if err := r.hook.Verify(body, q.Header); err != nil {
		r.arrived.findings.add("a webhook call does not verify: %v", err)
		http.Error(w, "not signed", http.StatusUnauthorized)
		return
	}
	how := r.arrived.treat()
	r.arrived.note(q.Header.Get(standardwebhooks.HeaderWebhookID), endpoint, body, !how.refuse)
	if how.refuse {
		http.Error(w, "try again later", http.StatusInternalServerError)
		return
	}
	time.Sleep(how.linger)
	w.WriteHeader(http.StatusNoContent)
}

// Close ends the receiver.
func (r *receiver) Close() error {
	err := r.server.Close()
	if ended := <-r.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
