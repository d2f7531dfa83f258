package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// listener serves one handler on one address.
type listener struct {
	server   *http.Server
	address  string
	finished chan error
}

// listen begins to serve. webConfig is a file in the form of exporter-toolkit, "" for plain HTTP.
func listen(ctx context.Context, address, webConfig string, handler http.Handler, log *slog.Logger) (*listener, error) {
	if webConfig != "" {
		if err := web.Validate(webConfig); err != nil {
			return nil, fmt.Errorf("metrics.web_config_file: %w", err)
		}
	}
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, hinted{fmt.Errorf("listen: %w", err), "is another jwtsunset running? listen.metrics sets the address"}
	}
	l := &listener{address: socket.Addr().String(), finished: make(chan error, 1), server: &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		err := web.Serve(socket, l.server, &web.FlagConfig{WebConfigFile: &webConfig}, log)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		l.finished <- err
	}()
	return l, nil
}

// close lets requests under way end until ctx does.
func (l *listener) close(ctx context.Context) error {
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop listening: %w", err), l.server.Close())
	}
	return nil
}
