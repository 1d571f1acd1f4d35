// Command postgres is the Temporal server on PostgreSQL, in a process of its
// own, as the official images run it: for tests of a cluster, where it is
// killed, cut off and started again.
//
// It is told everything by the environment variables of the official image
// (POSTGRES_SEEDS, DB_PORT, BIND_ON_IP, DYNAMIC_CONFIG_FILE_PATH, ...):
// "postgres setup" makes the databases, "postgres start" serves.
package main

import (
	"fmt"
	"os"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql" // the database that it is for
	"go.temporal.io/server/temporal"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	cfg, err := config.Load(config.WithEmbedded())
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	logger := log.NewZapLogger(log.BuildZapLogger(cfg.Log))
	switch {
	case len(args) == 1 && args[0] == "setup":
		return setup(cfg, logger)
	case len(args) == 1 && args[0] == "start":
		return serve(cfg, logger)
	}
	return fmt.Errorf("usage: postgres setup|start")
}

// serve runs the server until the process is asked to end.
func serve(cfg *config.Config, logger log.Logger) error {
	authorizer, err := authorization.GetAuthorizerFromConfig(&cfg.Global.Authorization)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	claims, err := authorization.GetClaimMapperFromConfig(&cfg.Global.Authorization, logger)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.InterruptOn(temporal.InterruptCh()),
	)
	if err != nil {
		return fmt.Errorf("start Temporal server: %w", err)
	}
	if err := server.Start(); err != nil { // returns when the server has stopped
		return fmt.Errorf("start Temporal server: %w", err)
	}
	return nil
}
