package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"

	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/secret"
	"jwtsunset/store"
)

// opening is how a command wants the store.
type opening struct {
	// record makes the store one that can be written, and create makes a missing one.
	record, create bool
	// upgrade, adopt and replaceKey are those of store.Options and store.Audit.
	upgrade, adopt, replaceKey bool
	// daemon makes the program itself the one who acts, not the user who runs the command.
	daemon bool
	// appended and failure are told what was recorded, and what was not; see store.Audit.
	appended func(note []byte, head audit.Head, key audit.PublicKey)
	failure  func(error)
}

func (a *app) openStore(
	ctx context.Context, cfg *config.Config, log *slog.Logger, o opening,
) (*store.Store, error) {
	address, err := revealed(cfg.StoreURL())
	if err != nil {
		return nil, err
	}
	options := store.Options{
		Logger: log, Clock: a.clock, Create: o.create, Upgrade: o.upgrade, AllowNetworkFS: cfg.StoreOnNetwork,
	}
	if reached != nil {
		options.Reached = func(step store.Step) error { return reached("store:" + string(step)) }
	}
	if o.record {
		options.Audit = &store.Audit{
			KeyFile: cfg.Audit.KeyFile, CheckpointFile: cfg.Audit.CheckpointFile,
			Program: programVersion(), Config: cfg.Digest(), Adopt: o.adopt, ReplaceKey: o.replaceKey,
			Appended: o.appended, Failed: o.failure,
		}
		if !o.daemon {
			options.Audit.Actor = operator(cfg)
		}
	}
	s, err := store.Open(ctx, address, options)
	switch {
	case errors.Is(err, store.ErrMissing):
		return nil, hinted{err, "run a scan first: jwtsunset scan"}
	case errors.Is(err, store.ErrOlderSchema):
		return nil, hinted{err, "jwtsunset store upgrade"}
	}
	return s, err
}

// revealed is the address of a store, which may hold a password, for handing it to package store and nothing else.
func revealed(address secret.String, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("address of the store: %w", err)
	}
	return address.Reveal(), nil
}

// operator is the user who runs a command, by the name that the configuration has for the person, if any.
func operator(cfg *config.Config) store.Actor {
	name := osUser()
	actor := store.Actor{Identity: "os:" + name, Name: name, Door: audit.DoorCLI, Strength: audit.StrengthOSUser}
	for _, p := range cfg.People {
		if p.OSUser == name {
			actor.Name = p.Name
		}
	}
	return actor
}

// osUser is the user's name, or the number where the system has no name for it, as in most containers. The environment
// is not asked: anybody can set it.
func osUser() string {
	id := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid-" + id
}

// withStore calls do with the store of the configuration, opened for a command that a person waits for.
func (a *app) withStore(
	ctx context.Context, o opening, do func(*config.Config, *store.Store) error,
) (err error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return coded{err, exitError} // also where other errors have a code of their own
	}
	log, err := a.commandLogger(cfg.Log)
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx, cfg, log, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(cfg, s)
}

// onRecord calls do with the store as it is; nothing is made or changed.
func (a *app) onRecord(ctx context.Context, do func(*config.Config, *store.Store) error) error {
	return a.withStore(ctx, opening{}, do)
}
