using Chasqui.Engines.Wire;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Chasqui.Server;

/// <summary>
/// The request that stands for all who ask the same: made of the first of them, but nobody's own, so that it lives as long as anybody reads. It goes the way of every
/// request, and what it is answered goes to all.
/// </summary>
internal sealed class SharedRun
{
    private readonly IServiceProvider _services;
    private readonly HttpRequestFeature _request;

    /// <param name="services">Of the gateway.</param>
    /// <param name="http">The first who asks.</param>
    /// <param name="body">The body; not to change any more.</param>
    public SharedRun(IServiceProvider services, HttpContext http, Memory<byte> body)
    {
        var first = RequestState.Of(http);
        var measure = first.Measure?.Share();
        State = new RequestState { Form = first.Form, NotFound = first.NotFound, Measure = measure, Model = first.Model, Body = body, Load = first.Load };
        _services = services;
        _request = new HttpRequestFeature
        {
            Protocol = http.Request.Protocol,
            Scheme = http.Request.Scheme,
            Method = http.Request.Method,
            Path = http.Request.Path,
            QueryString = http.Request.QueryString.Value ?? "",
            Body = Stream.Null,
        };
        foreach (var (name, values) in http.Request.Headers)
            _request.Headers[name] = values;
        // Told to those who want to know.
        _request.Headers[DispatchEndpoint.ExplainHeader] = "1";
    }

    /// <summary>What is learnt of it.</summary>
    public RequestState State { get; }

    /// <summary>Answers it into a stream. Fails only where nothing was said, or where it cannot be said in the answer itself.</summary>
    public async Task RunAsync(Func<HttpContext, Task> answer, SharedStream<SharedPart> stream, CancellationToken cancellationToken)
    {
        RequestContext.Current = State.Measure;
        System.Diagnostics.Activity.Current = null;
        var response = new SharedResponse(stream, State.Measure);
        using var lifetime = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(_request);
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(response);
        features.Set<IHttpRequestLifetimeFeature>(new Lifetime(lifetime));
        features.Set(State);
        var http = new DefaultHttpContext(features) { RequestServices = _services };
        try
        {
            await answer(http).ConfigureAwait(false);
            await response.CompleteAsync().ConfigureAwait(false);
            State.Measure?.Ended(RequestOutcome.Ok);
        }
        catch (Exception e) when (response.HasStarted && !cancellationToken.IsCancellationRequested)
        {
            State.Failure = e;
            State.Measure?.Ended(RequestOutcome.Failed, WireErrors.CodeOf(e));
            var error = ErrorMap.Map(e, State.NotFound) with { Cause = e };
            if (!await State.Form.TryEndStreamAsync(http, error).ConfigureAwait(false))
                throw;
        }
        catch (Exception e)
        {
            State.Failure = e;
            State.Measure?.Ended(cancellationToken.IsCancellationRequested ? RequestOutcome.Cancelled : RequestOutcome.Failed, WireErrors.CodeOf(e));
            throw;
        }
        finally
        {
            State.Charge?.Dispose();
        }
    }

    private sealed class Lifetime(CancellationTokenSource source) : IHttpRequestLifetimeFeature
    {
        public CancellationToken RequestAborted { get; set; } = source.Token;

        public void Abort() => source.Cancel();
    }
}
