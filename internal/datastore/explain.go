package datastore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"github.com/millrace-ml/millrace/pipeline"
)

// explain turns an error of a bucket into a failure: what another try may mend
// is told from what it may not. What servers and libraries say is repeated in
// part only, and without credentials.
func (o *objects) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if store, ok := errors.AsType[*ours](err); ok {
		return store.error
	}
	if _, ok := errors.AsType[*pipeline.Failure](err); ok {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := o.secrets.hide(told(err))
	switch status := answered(err); {
	case noServer(err):
		unknown, _ := errors.AsType[*net.DNSError](err)
		return missing("check the name of the account, and that this machine is connected; "+howToMap, "there is no server %q", unknown.Name)
	case refused(err):
		return missing("look at the ids of the tenant and of the client, and at the secret", "the service principal may not sign in: %s", reason)
	case strings.Contains(err.Error(), "get credentials"), strings.Contains(err.Error(), "DefaultAzureCredential"):
		return missing(o.credentialsHint(), "there are no credentials for %s: %s", o.called, reason)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, strings.Contains(reason, "PublicAccessNotPermitted"),
		gcerrors.Code(err) == gcerrors.PermissionDenied:
		return missing(o.credentialsHint(), "%s may not be used: %s", o.called, reason)
	case status == http.StatusMovedPermanently, strings.Contains(reason, "AuthorizationHeaderMalformed"):
		return missing(regionHint, "%s is elsewhere: %s", o.called, reason)
	case strings.Contains(reason, "Invalid region"), strings.Contains(reason, "Missing Region"):
		return missing(regionHint, "the region of %s is not known", o.called)
	case absent(err):
		return missing(o.absentHint(), "there is no %s: %s", o.called, reason)
	case gcerrors.Code(err) == gcerrors.InvalidArgument:
		return missing("", "%s cannot take this: %s", o.called, reason)
	}
	return unreachable("%s cannot be reached: %s", o.called, reason)
}

const (
	regionHint = "set the region in the address, ?region=REGION, or as AWS_REGION where the workers run"
	// howToMap is part of hints about what cannot be reached.
	howToMap = "`millrace datastore map " + thisAddress + " PATH` has a file or folder of this machine stand for it"
	// thisAddress stands in hints for the address that was asked for.
	thisAddress = "ADDRESS"
)

func (o *objects) credentialsHint() string {
	if o.public {
		return "strangers may not read it, or not list it: name a single file, or make a datastore with credentials for it (`millrace datastore create --help` shows how)"
	}
	return "give a datastore credentials that may use it, by reference (`millrace datastore create --help` shows how), and set them where the workers run"
}

func (o *objects) absentHint() string {
	if o.public {
		return "check the name; Azure says the same of containers that strangers may not list"
	}
	return "check its name, and that it may be read"
}

// calm turns a panic into an error: the drivers of buckets trust that servers
// answer everything that they should.
func calm(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the answer of the server cannot be understood: %v", p)
	}
}

// noServer reports whether no server has the name that was asked for.
func noServer(err error) bool {
	unknown, ok := errors.AsType[*net.DNSError](err)
	return ok && unknown.IsNotFound
}

// refused reports whether Azure would not let a service principal in.
func refused(err error) bool {
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	return ok && failed.RawResponse != nil && failed.RawResponse.StatusCode < 500
}

func absent(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }

// answered is the status of an answer over HTTP, 0 where there was none.
func answered(err error) int {
	if azure, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return azure.StatusCode
	}
	if google, ok := errors.AsType[*googleapi.Error](err); ok {
		return google.Code
	}
	var amazon interface{ HTTPStatusCode() int }
	if errors.As(err, &amazon) {
		return amazon.HTTPStatusCode()
	}
	return 0
}

// told is what an error says, without the addresses that were asked for, which
// may hold a signature.
func told(err error) string {
	if azure, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return "the server answered " + strings.TrimSpace(strconv.Itoa(azure.StatusCode)+" "+azure.ErrorCode)
	}
	if google, ok := errors.AsType[*googleapi.Error](err); ok {
		return "the server answered " + strconv.Itoa(google.Code) + " " + google.Message
	}
	if amazon, ok := errors.AsType[smithy.APIError](err); ok {
		return "the server answered " + amazon.ErrorCode() + " " + amazon.ErrorMessage()
	}
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && failed.RawResponse != nil {
		return "Azure answered " + strconv.Itoa(failed.RawResponse.StatusCode)
	}
	for asked, ok := errors.AsType[*url.Error](err); ok; asked, ok = errors.AsType[*url.Error](err) {
		err = asked.Err
	}
	return err.Error()
}
