package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/runs"
)

type datastoreCreateOptions struct {
	file, name, kind, url, account, container string
	set                                       []string
}

func newDatastoreCreateCmd(a *app, runF func(context.Context, *datastoreCreateOptions) error) *cobra.Command {
	o := &datastoreCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create [-f FILE] -n NAME",
		Short: "Make a datastore, or change what one of that name says",
		Long: `Make a datastore from a file, from flags, or from both. A datastore that has the
name is replaced; the data stays where it is.

The types are those of Azure ML (azure_blob, azure_data_lake_gen2, azure_file,
azure_data_lake_gen1, one_lake) and, by their URL, those of Millrace:
  file:///FOLDER or a path      a folder of this machine, or one that is mounted
  s3://BUCKET/PREFIX            with ?region=REGION, and ?endpoint=URL&use_path_style=true
                                for another server than Amazon's
  gs://BUCKET/PREFIX
  azblob://CONTAINER/PREFIX     with ?storage_account=ACCOUNT
With --url, a datastore of one of Azure's types lies there instead of in Azure.

Credentials are never stored. A file says where each of them is, and the workers
look there: "account_key: ${{env:NAME}}" or "account_key: {file: /PATH}", also
--set 'credentials.account_key=${{env:NAME}}'. Azure has account_key, sas_token or
tenant_id, client_id and client_secret; s3 has access_key_id, secret_access_key
and session_token; gs has service_account_key. Without any, the usual ones of the
worker's environment are used.

` + exitCodesHelp,
		Example: `  millrace datastore create -f blob.yml
  millrace datastore create -n lake --url s3://bucket/prefix?region=eu-west-1
  millrace datastore create -n iris --account-name azuremlexamples --container-name datasets --url ./datasets`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.file == "" && !cmd.Flags().Changed("name") && len(o.set) == 0 {
				return required(cmd, "name")
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDatastoreCreate(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the datastore")
	f.StringVarP(&o.name, "name", "n", "", "`name` of the datastore (default: the one in the file)")
	f.StringVarP(&o.kind, "type", "t", "", "`type` of the datastore (default: the one in the file, or that of the URL)")
	f.StringVar(&o.url, "url", "", "`folder or URL` that the data is in")
	f.StringVar(&o.account, "account-name", "", "storage `account` in Azure")
	f.StringVar(&o.container, "container-name", "", "`container` in the account")
	addSet(f, &o.set)
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(
		[]string{"azure_blob", "azure_data_lake_gen2", "azure_file", "azure_data_lake_gen1", "one_lake", "file", "s3", "gs", "azblob"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// pairs are the flags as pairs of --set, which come last and win.
func (o *datastoreCreateOptions) pairs() []string {
	kind := o.kind
	if kind == "" && o.account != "" && o.file == "" {
		kind = string(datastore.AzureBlob)
	}
	location := o.url
	if location != "" {
		// A path in a flag is one of the current folder, not of the file's.
		if u, err := url.Parse(location); err == nil && u.Scheme == "" {
			if absolute, err := filepath.Abs(location); err == nil {
				location = absolute
			}
		}
	}
	var pairs []string
	for _, p := range [][2]string{{"name", o.name}, {"type", kind}, {"account_name", o.account}, {"container_name", o.container}, {"url", location}} {
		if p[1] != "" {
			pairs = append(pairs, p[0]+"="+p[1])
		}
	}
	return append(pairs, o.set...)
}

func runDatastoreCreate(ctx context.Context, a *app, o *datastoreCreateOptions) error {
	f, _ := azureml.LoadDatastore(o.file, azureml.LoadOptions{Set: o.pairs()}) // what is wrong is told with the rest
	if _, err := runs.DefineDatastore(f); err != nil {
		return f.Problems()
	}
	return a.makeDatastore(ctx, f)
}

// makeDatastore keeps a datastore, prints it, and says what it still needs.
func (a *app) makeDatastore(ctx context.Context, f *azureml.DatastoreFile) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	d, err := s.jobs.CreateDatastore(ctx, f)
	if err != nil {
		return err
	}
	if !a.flags.onlyErrors {
		a.renderProblems(f.Problems().Warnings())
	}
	a.adviseDatastore(d)
	return a.print(runs.DatastoreDocument(d), datastoreTable)
}

// adviseDatastore says what a datastore needs before its data can be read here.
func (a *app) adviseDatastore(d datastore.Definition) {
	if u, err := datastore.ParseURI(d.URL); err == nil && u.Scheme == datastore.File && !datastore.IsFixed(d.Name) {
		if _, err := os.Stat(u.Path); err != nil {
			a.say("there is no %s on this machine yet", u.Path)
		}
	}
	var keys []string
	for key := range d.Credentials {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		switch ref := d.Credentials[key]; {
		case ref.Env != "":
			if _, ok := a.env.LookupEnv(ref.Env); !ok {
				a.say("%s: the environment variable %s is not set here; it has to be where the workers run", key, ref.Env)
			}
		case ref.File != "":
			if _, err := os.Stat(ref.File); err != nil {
				a.say("%s: there is no file %s here; it has to be where the workers run", key, ref.File)
			}
		}
	}
}
