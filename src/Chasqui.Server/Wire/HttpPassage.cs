using System.Net;
using Chasqui.Gateway;
using Chasqui.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary>The operation <c>http</c>: a request of an HTTP API goes through the same pipeline as one that came by HTTP.</summary>
/// <param name="services">Of the gateway.</param>
/// <param name="pipeline">What answers HTTP.</param>
internal sealed class HttpPassage(IServiceProvider services, RequestDelegate pipeline)
{
    public async ValueTask RunAsync(IncomingCall call, WireAnswer answer, CancellationToken cancellationToken)
    {
        var path = call.Headers["path"];
        if (path is null || !path.StartsWith('/'))
            throw new InvalidRequestException("op \"http\" needs the field path, such as /api/generate");
        var query = path.IndexOf('?', StringComparison.Ordinal);
        var plain = Uri.UnescapeDataString(query < 0 ? path : path[..query]);
        // Nothing of it is read before the pipeline knows the path and what the caller may do; the credit of the stream holds back what comes meanwhile.
        var body = new CallBody(call);
        await using var _ = body.ConfigureAwait(false);
        var request = new HttpRequestFeature
        {
            Protocol = "HTTP/1.1",
            Scheme = "http",
            Method = call.Headers["method"] ?? "POST",
            Path = plain,
            QueryString = query < 0 ? "" : path[query..],
            RawTarget = path,
            Body = body,
        };
        request.Headers.Host = "localhost";
        foreach (var field in call.Headers)
        {
            if (field.Name is not ("op" or "path" or "method" or "host" or "content-length" or "deadline-ms"))
                request.Headers.Append(NameOf(field.Name), field.Value);
        }

        using var lifetime = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var response = new WireHttpResponse(call, answer);
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(request);
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(response);
        features.Set<IHttpConnectionFeature>(new HttpConnectionFeature { RemoteIpAddress = IPAddress.Loopback, LocalIpAddress = IPAddress.Loopback });
        if (call.Connection.Identity is Caller caller)
            features.Set(new WireCaller(caller, (call.Connection.Budget as ConnectionBudget)?.Load));
        features.Set<IHttpRequestLifetimeFeature>(new Lifetime(lifetime));
        await using var scope = services.CreateAsyncScope();
        var context = new DefaultHttpContext(features) { RequestServices = scope.ServiceProvider };
        await pipeline(context).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        // Like a connection that was cut: whoever reads must not take it for the end.
        if (lifetime.IsCancellationRequested)
            throw new EngineFailedException("the answer was broken off");
        await response.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Whether the request of a call may be of any length.</summary>
    public static bool IsEndless(IncomingCall call)
    {
        var path = call.Headers["path"].AsSpan();
        var query = path.IndexOf('?');
        return ApiRoutes.Find((query < 0 ? path : path[..query]).ToString()) is { StreamsBody: true };
    }

    /// <summary>What has a name of its own in the HTTP API.</summary>
    private static string NameOf(string field) => field switch
    {
        "request-id" => "x-request-id",
        "node" => "x-chasqui-node",
        _ => field,
    };

    private sealed class Lifetime(CancellationTokenSource source) : IHttpRequestLifetimeFeature
    {
        public CancellationToken RequestAborted { get; set; } = source.Token;

        public void Abort() => source.Cancel();
    }
}
