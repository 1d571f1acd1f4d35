package datastore

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
)

// openAzure opens a container of Azure's blob storage.
func (r *Resolver) openAzure(w where) (*blob.Bucket, error) {
	service, account, err := r.azureService(w)
	if err != nil {
		return nil, err
	}
	address, err := url.JoinPath(service, w.Container)
	if err != nil {
		return nil, err
	}
	client, err := r.azureClient(address, account, w)
	if err != nil {
		return nil, err
	}
	return azureblob.OpenBucket(context.Background(), client, nil) // asks nobody
}

// azureService is the address of an account's server, and the account.
func (r *Resolver) azureService(w where) (service, account string, err error) {
	if w.Scheme != AzBlob {
		account, _, _ = strings.Cut(w.Host, ".")
		if w.insecure {
			return "http://" + blobHost(w.Host), account, nil
		}
		return "https://" + blobHost(w.Host), account, nil
	}
	const hint = "write azblob://CONTAINER/PATH?storage_account=ACCOUNT"
	o := azureblob.ServiceURLOptions{
		AccountName: w.Parameters.Get("storage_account"), StorageDomain: w.Parameters.Get("domain"), Protocol: w.Parameters.Get("protocol"),
	}
	o.IsCDN, _ = strconv.ParseBool(w.Parameters.Get("cdn"))
	o.IsLocalEmulator, _ = strconv.ParseBool(w.Parameters.Get("localemu"))
	if o.AccountName == "" {
		o.AccountName, _ = r.LookupEnv("AZURE_STORAGE_ACCOUNT")
	}
	if !accountForm.MatchString(o.AccountName) || o.StorageDomain != "" && !hostForm.MatchString(o.StorageDomain) {
		return "", "", invalid(hint, "%s does not name the storage account", w.URI)
	}
	text, err := azureblob.NewServiceURL(&o)
	if err != nil {
		return "", "", invalid(hint, "%s does not lead to a server: %v", w.URI, err)
	}
	return string(text), o.AccountName, nil
}

// azureSecrets are the credentials for an account: those that were given or,
// where there are none, those that Azure's own programs find in the environment,
// if they are for this account and the server is Azure's.
func (r *Resolver) azureSecrets(w where) secrets {
	service, account, err := r.azureService(w)
	if err != nil || len(w.secrets) > 0 {
		return w.secrets
	}
	server, err := url.Parse(service)
	if theirs, _ := r.LookupEnv("AZURE_STORAGE_ACCOUNT"); err != nil || theirs != account || !azureHost.MatchString(server.Host) {
		return w.secrets
	}
	found := secrets{}
	for name, key := range map[string]string{"AZURE_STORAGE_KEY": "account_key", "AZURE_STORAGE_SAS_TOKEN": "sas_token"} {
		if value, ok := r.LookupEnv(name); ok && value != "" {
			found[key] = value
		}
	}
	return found
}

// azureClient is the client for a container, with the strongest credentials
// that there are, or none: some containers are public.
func (r *Resolver) azureClient(address, account string, w where) (*container.Client, error) {
	known := w.secrets
	o := &container.ClientOptions{}
	o.Transport = r.storageClient()
	o.Telemetry = policy.TelemetryOptions{ApplicationID: "millrace"}
	o.Retry = policy.RetryOptions{MaxRetries: r.retries, ShouldRetry: mayRecover}
	switch {
	case known["account_key"] != "":
		key, err := container.NewSharedKeyCredential(account, known["account_key"])
		if err != nil {
			return nil, missing("look at the keys of the account", "the credential account_key is not the key of a storage account")
		}
		return container.NewClientWithSharedKeyCredential(address, key, o)
	case known["sas_token"] != "":
		return container.NewClientWithNoCredential(address+"?"+strings.TrimPrefix(known["sas_token"], "?"), o)
	case known["client_secret"] != "" && known["tenant_id"] != "" && known["client_id"] != "":
		token, err := r.servicePrincipal(known)
		if err != nil {
			return nil, missing("look at the ids of the tenant and of the client", "the credentials are not those of a service principal")
		}
		return container.NewClient(address, token, o)
	case w.defined && r.hasIdentity():
		token, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, err
		}
		return container.NewClient(address, token, o)
	}
	return container.NewClientWithNoCredential(address, o)
}

// mayRecover reports whether a request is worth another try at once.
func mayRecover(answer *http.Response, err error) bool {
	if err != nil {
		return !noServer(err)
	}
	return answer.StatusCode >= http.StatusInternalServerError && answer.StatusCode != http.StatusNotImplemented ||
		answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests
}

func (r *Resolver) servicePrincipal(known secrets) (azcore.TokenCredential, error) {
	o := &azidentity.ClientSecretCredentialOptions{}
	o.Transport, o.Retry = r.storageClient(), policy.RetryOptions{MaxRetries: r.retries, ShouldRetry: mayRecover}
	if authority := known["authority_url"]; authority != "" {
		o.Cloud.ActiveDirectoryAuthorityHost = authority
	}
	return azidentity.NewClientSecretCredential(known["tenant_id"], known["client_id"], known["client_secret"], o)
}

// hasIdentity reports whether the environment gives this process an identity
// in Azure.
func (r *Resolver) hasIdentity() bool {
	return slices.ContainsFunc([]string{"AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"}, func(name string) bool {
		value, ok := r.LookupEnv(name)
		return ok && value != ""
	})
}
