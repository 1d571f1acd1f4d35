package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema"
	schemas "go.temporal.io/server/schema/postgresql/v12"
)

// setup makes both databases with what belongs into them. It may be repeated,
// also after it was interrupted.
func setup(cfg *config.Config, logger log.Logger) error {
	for _, database := range []struct {
		store, schema, version string
	}{
		{cfg.Persistence.DefaultStore, "postgresql/v12/temporal", schemas.Version},
		{cfg.Persistence.VisibilityStore, "postgresql/v12/visibility", schemas.VisibilityVersion},
	} {
		at := cfg.Persistence.DataStores[database.store].SQL
		if err := create(*at, logger); err != nil {
			return fmt.Errorf("create database %s: %w", at.DatabaseName, err)
		}
		if err := fill(*at, database.schema, database.version, logger); err != nil {
			return fmt.Errorf("set up database %s: %w", at.DatabaseName, err)
		}
	}
	return nil
}

func create(at config.SQL, logger log.Logger) error {
	name := at.DatabaseName
	at.DatabaseName = "" // the server's own
	db, err := open(at, logger)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.CreateDatabase(name)
}

// fill executes the schema, and notes its version when all of it is there.
func fill(at config.SQL, folder, version string, logger log.Logger) error {
	db, err := open(at, logger)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CreateSchemaVersionTables(); err != nil {
		return err
	}
	if found, err := db.ReadSchemaVersion(at.DatabaseName); err == nil && found == version {
		return nil
	}
	text, err := fs.ReadFile(schema.Assets(), path.Join(folder, "schema.sql"))
	if err != nil {
		return err
	}
	statements, err := persistence.LoadAndSplitQueryFromReaders([]io.Reader{bytes.NewReader(text)})
	if err != nil {
		return err
	}
	for _, statement := range statements {
		// The statements create: what exists was made by a try before this one.
		if err := db.Exec(statement); err != nil && !strings.Contains(err.Error(), "already exists") {
			return err
		}
	}
	return db.UpdateSchemaVersion(at.DatabaseName, version, version)
}

func open(at config.SQL, logger log.Logger) (sqlplugin.AdminDB, error) {
	return sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, &at, resolver.NewNoopResolver(), logger, metrics.NoopMetricsHandler)
}
