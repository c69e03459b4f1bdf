using System.Buffers;
using Chasqui.Engines.Http;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Requests;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Passes one request on to nodes that speak its language, its body unread but for what routing needs. For one request; to be disposed.</summary>
internal sealed class PassageAttempt(HttpContext http, Route route, RequestScan scan, OptionPolicy? policy, TimeSpan keepAlive, TimeProvider time) : IDisposable
{
    private readonly UsageReader _usage = new();
    private List<KeyValuePair<string, string>>? _headers;
    private SilenceBreaker? _silence;
    private PassageRecord? _record;
    private NodeLease? _heard;

    public OptionPolicy? Policy => policy;

    /// <summary>Keeps the client waiting; null where nothing can be said before the answer.</summary>
    public SilenceBreaker? Silence => _silence ??= Breaker();

    /// <summary>Whether a part of a node's answer was passed on.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether all that the client has heard is that it has to wait.</summary>
    public bool OnlySilence => _silence is not null && !HasBegun;

    /// <summary>Sends the request to the node, beside it to a second one where that is wanted and the first is slow, and copies the answer.</summary>
    /// <param name="lease">The node.</param>
    /// <param name="way">Where the request can go.</param>
    /// <param name="hedgeAfter">How long the node may be silent before a second one is asked; zero for as long as it likes.</param>
    /// <param name="moved">Told when it is the second one that answers.</param>
    /// <returns>Null when an answer was passed on, whatever it says; the failure when the request shall go to another node.</returns>
    public async ValueTask<EngineException?> RunAsync(NodeLease lease, Gateway.Dispatch.Route way, TimeSpan hedgeAfter, Action<NodeLease>? moved)
    {
        lease.Silence = Silence;
        if (hedgeAfter > TimeSpan.Zero)
        {
            await RaceAsync(lease, way, hedgeAfter, moved).ConfigureAwait(false);
            return null;
        }
        using var body = Rewritten(lease);
        var answer = await SendAsync(lease, body).ConfigureAwait(false);
        await using (answer.ConfigureAwait(false))
        {
            if (PassageFailures.Of(answer, lease) is { } failure)
            {
                lease.Ended(failure, weak: PassageFailures.IsWeak(answer));
                if (way.MayRetry(lease, failure))
                    return failure;
            }
            var first = await answer.ReadAsync(lease.Token).ConfigureAwait(false);
            await CopyAsync(lease, way, answer, first).ConfigureAwait(false);
            return null;
        }
    }

    /// <summary>Two nodes at once, of whom the first to say something is heard.</summary>
    /// <exception cref="EngineException">Both failed, and were told so; or the one that was heard broke off.</exception>
    private async ValueTask RaceAsync(NodeLease lease, Gateway.Dispatch.Route way, TimeSpan hedgeAfter, Action<NodeLease>? moved)
    {
        // Each lease hears by itself that the client leaves.
        using var race = await Hedge.RunAsync(
            lost => OpenAsync(lease, isSecond: false, lost),
            lost => way.TryHedge(lease, http.RequestAborted) is { } second ? OpenAsync(second, isSecond: true, lost) : null,
            hedgeAfter, static late => late.LetGoAsync(), time, CancellationToken.None).ConfigureAwait(false);
        var (heard, answer, first, isSecond) = race.Answer;
        try
        {
            await using (answer.ConfigureAwait(false))
            {
                if (isSecond)
                    moved?.Invoke(heard);
                await CopyAsync(heard, way, answer, first).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (heard.FailureOf(e) is { } failure)
        {
            heard.Ended(failure);
            throw failure;
        }
        finally
        {
            if (isSecond)
                heard.Dispose();
            // It reads the request's body, which ends with this call.
            await race.Loser.ConfigureAwait(false);
        }
    }

    /// <summary>Sends the request to a node and waits for the first part of its answer.</summary>
    private async Task<Opened> OpenAsync(NodeLease lease, bool isSecond, CancellationToken lost)
    {
        using var superseded = lost.UnsafeRegister(static lease => ((NodeLease)lease!).Superseded(), lease);
        IPassageAnswer? answer = null;
        try
        {
            lease.Silence = _silence;
            using var body = Rewritten(lease);
            answer = await SendAsync(lease, body).ConfigureAwait(false);
            if (PassageFailures.Of(answer, lease) is { } failure)
            {
                lease.Ended(failure, weak: PassageFailures.IsWeak(answer));
                throw failure;
            }
            var opened = new Opened(lease, answer, await answer.ReadAsync(lease.Token).ConfigureAwait(false), isSecond);
            (answer, isSecond) = (null, false);
            return opened;
        }
        catch (Exception e) when (lease.FailureOf(e) is { } why)
        {
            lease.Ended(why);
            throw why;
        }
        finally
        {
            if (answer is not null)
                await answer.DisposeAsync().ConfigureAwait(false);
            // The first one is its caller's.
            if (isSecond)
                lease.Dispose();
        }
    }

    private RewrittenBody Rewritten(NodeLease lease)
    {
        // The name that the client said is kept where it means the node's model: the answer repeats it.
        var body = RequestRewriter.Rewrite(scan, ModelNames.SameSpelling(scan.Model!, lease.ModelName) ? null : lease.ModelName, policy);
        if (body.Changes.Count > 0 && !http.Response.HasStarted)
            http.Response.Headers[OptionChange.HeaderName] = OptionChange.Header(body.Changes);
        return body;
    }

    private ValueTask<IPassageAnswer> SendAsync(NodeLease lease, RewrittenBody body) => lease.Node.Connection.Passage!.SendAsync(
        new PassageRequest
        {
            Method = http.Request.Method,
            Path = http.Request.QueryString.HasValue ? route.Path + http.Request.QueryString.Value : route.Path,
            Body = body.Body,
            Headers = Headers(),
        },
        lease.Token);

    private async ValueTask CopyAsync(NodeLease lease, Gateway.Dispatch.Route way, IPassageAnswer answer, ReadOnlyMemory<byte> first)
    {
        lease.Progressed();
        var state = RequestState.Of(http);
        state.Measure?.FirstToken();
        if (answer.Status >= StatusCodes.Status400BadRequest && http.Response.HasStarted)
            throw await PassageFailures.TooLateAsync(answer, first, lease).ConfigureAwait(false);
        HasBegun = true;
        _heard = lease;
        if (answer.Status == StatusCodes.Status200OK && answer.ContentLength is null && PassedAnswer.DelimiterOf(route.Path) is { } delimiter && state.Measure?.Continues != false && way.CouldContinue(lease))
            _record = new PassageRecord(delimiter);
        try
        {
            await PassageCopier.CopyAsync(http, answer, first, _silence, lease, _usage, _record).ConfigureAwait(false);
        }
        finally
        {
            if (state.Measure is { } measure)
                measure.Pieces = _usage.Parts;
        }
        (state.PromptTokens, state.CompletionTokens) = (_usage.PromptTokens, _usage.CompletionTokens);
        if (state.PromptTokens + state.CompletionTokens is > 0 and var tokens)
            lease.Tokens = tokens;
        lease.Succeeded();
    }

    /// <summary>What was passed on of an answer that its node broke off, where another one may go on with it; null where that cannot be.</summary>
    public PassedAnswer? ToGoOn(Gateway.Dispatch.Route way, EngineException failure) =>
        _record?.Sent is { } sent && _heard is { } lease && PassedAnswer.Read(route.Path, sent) is { } answer && way.MayContinue(lease, failure) ? answer : null;

    /// <summary>What was cut off in the middle must not swallow the error that follows.</summary>
    public async ValueTask BreakOffAsync()
    {
        if (_usage.Parts == 0)
            return;
        _record?.End(http.Response.BodyWriter);
        ReadOnlySpan<byte> end = _usage.EndsLine ? [] : "\n\n"u8;
        http.Response.BodyWriter.Write(end);
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Those of the client, and where the request stands in its trace.</summary>
    private List<KeyValuePair<string, string>> Headers()
    {
        _headers ??= PassageHeaders.Of(http.Request);
        var headers = new List<KeyValuePair<string, string>>(_headers.Count + 3);
        headers.AddRange(_headers);
        TraceHeaders.AddTo(headers);
        return headers;
    }

    public void Dispose()
    {
        _silence?.Dispose();
        _record?.Dispose();
    }

    /// <summary>Only a stream can say something before its answer.</summary>
    private SilenceBreaker? Breaker()
    {
        if (route.Dialect == Dialects.Ollama && scan.Stream != false && route.Path is "/api/generate" or "/api/chat")
        {
            var model = scan.Model!;
            AnswerForm form = route.Path == "/api/chat" ? new ChatForm(model, time) : new GenerateForm(model, time);
            return new SilenceBreaker(http, Ndjson.ContentType, () => Ndjson.Nothing(form), keepAlive);
        }
        return route.Dialect != Dialects.Ollama && scan.Stream == true
            ? new SilenceBreaker(http, "text/event-stream", static () => ": waiting\n\n"u8.ToArray(), keepAlive, QueueHeaders.WantsProgress(http.Request) ? QueueHeaders.Comment : null)
            : null;
    }

    /// <summary>An answer that has begun.</summary>
    private readonly record struct Opened(NodeLease Lease, IPassageAnswer Answer, ReadOnlyMemory<byte> First, bool IsSecond)
    {
        /// <summary>It came too late to be heard.</summary>
        public async ValueTask LetGoAsync()
        {
            Lease.Superseded();
            await Answer.DisposeAsync().ConfigureAwait(false);
            if (IsSecond)
                Lease.Dispose();
        }
    }
}
