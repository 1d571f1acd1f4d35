// Package devserver is the Temporal server and its UI inside this process, for
// one machine: all four services on loopback, one history shard, SQLite.
//
// No other package imports the server: it takes minutes to compile.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

const (
	loopback = "127.0.0.1"
	cluster0 = "active"
	// retention is how long Temporal keeps the history of a finished job. The
	// records in the store outlive it.
	retention = 30 * 24 * time.Hour
)

// Options say how the server is started.
type Options struct {
	// Database is the SQLite file; it is created where it does not exist.
	Database string
	// Namespace is created where it does not exist.
	Namespace string
	// Port and UIPort are tried first; where one is 0 or taken, a free port is
	// used instead.
	Port, UIPort int
	// Listen is the address that server and web interface listen on: an IP
	// address, 0.0.0.0 for all of the machine's; "" for the loopback, which no
	// other machine reaches. Whoever reaches the server may do everything.
	Listen string
	// UI starts Temporal's web interface too.
	UI bool
	// SearchAttributes are registered when the namespace is created.
	SearchAttributes map[string]enumspb.IndexedValueType
	// Logger gets what the server says.
	Logger *slog.Logger
}

// Server is a running server.
type Server struct {
	server  temporal.Server
	ui      *uiserver.Server
	address string
	uiURL   string
}

// Start starts the server and returns when it takes calls. Two servers on one
// database corrupt each other's view: the caller holds the home's lock.
func Start(ctx context.Context, o Options) (*Server, error) {
	ports, err := o.freePorts()
	if err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	cfg, err := o.config(ports)
	if err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	log := logger{o.Logger}
	authorizer, err := authorization.GetAuthorizerFromConfig(&cfg.Global.Authorization)
	if err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	claims, err := authorization.GetClaimMapperFromConfig(&cfg.Global.Authorization, log)
	if err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	host := func(service primitives.ServiceName) static.Hosts {
		port := cfg.Services[string(service)].RPC.GRPCPort
		if service == primitives.FrontendService {
			return static.SingleLocalHost(o.reach(port))
		}
		return static.SingleLocalHost(hostPort(port))
	}
	srv, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
			primitives.FrontendService: host(primitives.FrontendService),
			primitives.MatchingService: host(primitives.MatchingService),
			primitives.HistoryService:  host(primitives.HistoryService),
			primitives.WorkerService:   host(primitives.WorkerService),
		}),
		temporal.WithLogger(log),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(tuning()),
	)
	if err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	if err := srv.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	s := &Server{server: srv, address: o.reach(ports.frontend)}
	if o.UI {
		s.startUI(o, ports)
	}
	return s, nil
}

// Address is where the server takes gRPC calls, "127.0.0.1:7233".
func (s *Server) Address() string { return s.address }

// UI is the URL of the web interface, or "".
func (s *Server) UI() string { return s.uiURL }

// Stop ends the server. What it holds is in the database.
func (s *Server) Stop() error {
	if s.ui != nil {
		s.ui.Stop()
	}
	return s.server.Stop()
}

func (s *Server) startUI(o Options, p ports) {
	s.ui = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                o.listen(),
		Port:                p.ui,
		TemporalGRPCAddress: s.address,
		EnableUI:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true},
		HideLogs:            true,
		DisableNewsFetch:    true,
	}))
	s.uiURL = "http://" + o.reach(p.ui)
	go func() { _ = s.ui.Start() }()
}

// tuning is what makes a dispatch take milliseconds. By default a shard polls
// its queues 20 times a second, which alone costs some 40 ms a step; one
// partition a task queue saves the forwarding between partitions.
func tuning() dynamicconfig.StaticClient {
	const fast = 20_000
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():         fast,
		dynamicconfig.TransferProcessorMaxPollHostRPS.Key():     fast,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():            fast,
		dynamicconfig.TimerProcessorMaxPollHostRPS.Key():        fast,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key():       fast,
		dynamicconfig.VisibilityProcessorMaxPollHostRPS.Key():   fast,
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// Workers with several GPUs ask what waits, and decide by the answer.
		dynamicconfig.TaskQueueInfoByBuildIdTTL.Key(): 200 * time.Millisecond,
		// Experiments take turns on a task queue.
		dynamicconfig.MatchingEnableFairness.Key():                       true,
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():                 8096,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		dynamicconfig.FrontendRPS.Key():                                  fast,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():           fast,
		dynamicconfig.HistoryRPS.Key():                                   fast,
	}
}

// config describes the server. The database is written so that a killed process
// loses nothing; a power cut may lose the last transactions, which saves about
// a quarter of the time that synchronous=full takes.
func (o Options) config(p ports) (*config.Config, error) {
	sql := &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: o.Database,
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
			"busy_timeout": "10000",
		},
	}
	if err := o.createDatabase(sql); err != nil {
		return nil, err
	}
	cfg := &config.Config{}
	cfg.Global.Membership.MaxJoinDuration = 30 * time.Second
	cfg.Global.Membership.BroadcastAddress = loopback
	cfg.Persistence = config.Persistence{
		DefaultStore:     "sqlite",
		VisibilityStore:  "sqlite",
		NumHistoryShards: 1,
		DataStores:       map[string]config.DataStore{"sqlite": {SQL: sql}},
	}
	cfg.ClusterMetadata = &cluster.Config{
		FailoverVersionIncrement: 10,
		MasterClusterName:        cluster0,
		CurrentClusterName:       cluster0,
		ClusterInformation: map[string]cluster.ClusterInformation{
			cluster0: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             o.reach(p.frontend),
			},
		},
	}
	cfg.DCRedirectionPolicy.Policy = "noop"
	cfg.Services = map[string]config.Service{
		"frontend": service(o.listen(), p.frontend),
		"history":  service(loopback, p.history),
		"matching": service(loopback, p.matching),
		"worker":   service(loopback, p.worker),
	}
	cfg.Archival.History.State = "disabled"
	cfg.Archival.Visibility.State = "disabled"
	cfg.NamespaceDefaults.Archival.History.State = "disabled"
	cfg.NamespaceDefaults.Archival.Visibility.State = "disabled"
	cfg.PublicClient.HostPort = o.reach(p.frontend)
	return cfg, nil
}

// createDatabase makes the schema and the namespace, once. The schema is made
// in a file beside the database and moved there when it is whole, so that a
// process killed in between leaves no half a database behind.
func (o Options) createDatabase(sql *config.SQL) error {
	if _, err := os.Stat(o.Database); err == nil {
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fresh := *sql
	fresh.DatabaseName = o.Database + ".new"
	// One plain file: a write-ahead log beside it would not be moved with it.
	fresh.ConnectAttributes = map[string]string{"mode": "rwc", "journal_mode": "off", "synchronous": "off"}
	if err := os.Remove(fresh.DatabaseName); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := sqliteschema.SetupSchema(&fresh); err != nil {
		return fmt.Errorf("create database %s: %w", o.Database, err)
	}
	ns, err := sqliteschema.NewNamespaceConfig(cluster0, o.Namespace, false, o.SearchAttributes)
	if err != nil {
		return fmt.Errorf("create namespace %s: %w", o.Namespace, err)
	}
	ns.Detail.Config.Retention.Seconds = int64(retention / time.Second)
	if err := sqliteschema.CreateNamespaces(&fresh, ns); err != nil {
		return fmt.Errorf("create namespace %s: %w", o.Namespace, err)
	}
	return os.Rename(fresh.DatabaseName, o.Database)
}

func service(address string, port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: address}}
}

func (o Options) listen() string {
	if o.Listen == "" {
		return loopback
	}
	return o.Listen
}

// reach is where this machine itself reaches a port that is listened on.
func (o Options) reach(port int) string {
	if ip := net.ParseIP(o.Listen); ip != nil && !ip.IsUnspecified() {
		return net.JoinHostPort(o.Listen, strconv.Itoa(port))
	}
	return hostPort(port)
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
