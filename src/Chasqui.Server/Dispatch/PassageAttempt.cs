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
    private PassedStream? _stream;
    private NodeLease? _heard;
    private bool _ignoredChoice;

    public OptionPolicy? Policy => policy;

    /// <summary>Keeps the client waiting; null where nothing can be said before the answer.</summary>
    public SilenceBreaker? Silence => _silence ??= Breaker();

    /// <summary>Whether a part of a node's answer was passed on.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>
    /// Whether the last answer was not the call that it had to be, in which case nothing of it was passed on. Asking forgets it.
    /// </summary>
    public bool TakeIgnoredChoice()
    {
        var ignored = _ignoredChoice;
        _ignoredChoice = false;
        return ignored;
    }

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
        var sent = await AskAsync(lease).ConfigureAwait(false);
        await using (sent.ConfigureAwait(false))
        {
            var answer = sent.Answer;
            if (PassageFailures.Of(answer, lease, time) is { } failure)
            {
                lease.Ended(failure, weak: PassageFailures.IsWeak(answer));
                if (way.MayRetry(lease, failure))
                    return failure;
            }
            try
            {
                var first = await FirstAsync(answer, lease).ConfigureAwait(false);
                await CopyAsync(lease, way, sent, first).ConfigureAwait(false);
            }
            catch
            {
                answer.Distrust();
                throw;
            }
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
        var (heard, sent, first, isSecond) = race.Answer;
        try
        {
            await using (sent.ConfigureAwait(false))
            {
                if (isSecond)
                    moved?.Invoke(heard);
                try
                {
                    await CopyAsync(heard, way, sent, first).ConfigureAwait(false);
                }
                catch
                {
                    sent.Answer.Distrust();
                    throw;
                }
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
        SentRequest? sent = null;
        try
        {
            lease.Silence = _silence;
            sent = await AskAsync(lease).ConfigureAwait(false);
            var answer = sent.Value.Answer;
            if (PassageFailures.Of(answer, lease, time) is { } failure)
            {
                lease.Ended(failure, weak: PassageFailures.IsWeak(answer));
                throw await PassageFailures.InWordsAsync(answer, default, lease, route.Path, time).ConfigureAwait(false);
            }
            var opened = new Opened(lease, sent.Value, await FirstAsync(answer, lease).ConfigureAwait(false), isSecond);
            (sent, isSecond) = (null, false);
            return opened;
        }
        catch (Exception e) when (lease.FailureOf(e) is { } why)
        {
            lease.Ended(why);
            throw why;
        }
        finally
        {
            if (sent is { } unheard)
            {
                unheard.Answer.Distrust();
                await unheard.DisposeAsync().ConfigureAwait(false);
            }
            // The first one is its caller's.
            if (isSecond)
                lease.Dispose();
        }
    }

    /// <summary>Sends the request, and asks for the count of tokens where the client does not.</summary>
    private async ValueTask<SentRequest> AskAsync(NodeLease lease)
    {
        var asks = scan.LacksUsage && route.Path is "/v1/chat/completions" or "/v1/completions" && !lease.Node.RefusesUsage;
        var sent = await AskAsync(lease, asks).ConfigureAwait(false);
        if (!asks || sent.Answer.Status is not (StatusCodes.Status400BadRequest or StatusCodes.Status422UnprocessableEntity))
            return sent;
        // It has refused the request before it did anything. That may be for what was added, which must not break a request that is right without it.
        await sent.DisposeAsync().ConfigureAwait(false);
        sent = await AskAsync(lease, asks: false).ConfigureAwait(false);
        if (sent.Answer.Status == StatusCodes.Status200OK)
            lease.Node.RefusesUsage = true;
        return sent;
    }

    private async ValueTask<SentRequest> AskAsync(NodeLease lease, bool asks)
    {
        var body = Rewritten(lease, asks);
        try
        {
            return new SentRequest(await UnpackedAnswer.OfAsync(await SendAsync(lease, body).ConfigureAwait(false), lease.Node.Name).ConfigureAwait(false), body, asks);
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    private RewrittenBody Rewritten(NodeLease lease, bool asks)
    {
        // The name that the client said is kept where it means the node's model: the answer repeats it.
        var body = RequestRewriter.Rewrite(scan, ModelNames.SameSpelling(scan.Model!, lease.ModelName) ? null : lease.ModelName, scan.SaysKeepAlive ? lease.Hold(policy) : policy, asks);
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
            Headers = Headers(lease),
        },
        lease.Token);

    /// <summary>The first part of the answer. Comments before it are no part of it: they only say that the node lives, and so they are told on.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> FirstAsync(IPassageAnswer answer, NodeLease lease)
    {
        var part = await answer.ReadAsync(lease.Token).ConfigureAwait(false);
        if (_silence is null || answer.Status != StatusCodes.Status200OK || part.IsEmpty || part.Span[0] != (byte)':')
            return part;
        // A comment that is longer is passed on as the beginning of the answer.
        const int Longest = 4096;
        while (SseFrames.EndOfComments(part.Span) is var end && (end == part.Length || part.Span[end] == (byte)':') && part.Length - end < Longest)
        {
            if (end > 0)
                _silence.Heard(part[..end].ToArray());
            byte[] left = [.. part.Span[end..]];
            var more = await answer.ReadAsync(lease.Token).ConfigureAwait(false);
            if (more.IsEmpty)
                return left;
            part = left.Length == 0 ? more : (byte[])[.. left, .. more.Span];
        }
        return part;
    }

    private async ValueTask CopyAsync(NodeLease lease, Gateway.Dispatch.Route way, SentRequest sent, ReadOnlyMemory<byte> first)
    {
        var answer = sent.Answer;
        var generates = route.Operation is not null && answer.Status == StatusCodes.Status200OK;
        if (first.IsEmpty && generates)
            throw new EngineFailedException($"node {lease.Node.Name} ended its answer without a result");
        lease.Progressed();
        if (generates && scan is { ForcesCall: true, Choices: 1 } && !lease.Node.HoldsToolChoice)
        {
            var isStream = MediaTypes.Is(ContentTypeOf(answer), Sse.ContentType);
            (first, var verdict) = await HeldCall.ReadAsync(answer, first, isStream, lease).ConfigureAwait(false);
            if (verdict == CallVerdict.Ignored)
            {
                answer.Distrust();
                // Nothing else is written while the answer is made anew.
                lease.Silence = null;
                if (_silence is not null)
                    await _silence.EndAsync().ConfigureAwait(false);
                _ignoredChoice = true;
                return;
            }
        }
        var state = RequestState.Of(http);
        state.Measure?.FirstToken();
        if (answer.Status >= StatusCodes.Status400BadRequest && http.Response.HasStarted)
            throw await PassageFailures.InWordsAsync(answer, first, lease, route.Path, time).ConfigureAwait(false);
        HasBegun = true;
        _heard = lease;
        var type = ContentTypeOf(answer);
        var length = answer.ContentLength;
        if (MediaTypes.Is(type, "application/json"))
        {
            (first, var mark) = await TextMark.RemoveAsync(answer, first, lease.Token).ConfigureAwait(false);
            length -= mark;
            if (generates && route.Path == "/v1/embeddings" && EncodedVectors.AreWanted(state.Body!.Value.Span))
            {
                (first, var isAll) = await EncodedVectors.EncodeAsync(answer, first, lease.Token).ConfigureAwait(false);
                length = isAll ? first.Length : length;
            }
        }
        if (generates && MediaTypes.Is(type, route.Dialect == Dialects.Ollama ? Ndjson.ContentType : Sse.ContentType))
        {
            var remembers = PassedAnswer.CanGoOn(route.Path) && state.Measure?.Continues != false && way.CouldContinue(lease);
            _stream = new PassedStream(route.Dialect == Dialects.Ollama, scan.Choices, remembers, _usage, state.Measure, hidesUsage: sent.CountsTokens);
        }
        // The node has worked on the prompt.
        if (generates || (route.CountsTokens && answer.Status == StatusCodes.Status200OK))
            state.Measure?.Passed(0);
        var isWhole = false;
        try
        {
            // Vectors are no text.
            var counted = generates && route.Operation != "embeddings" ? state.Measure : null;
            await PassageCopier.CopyAsync(http, answer, first, length, _silence, lease, route.Path, _usage, counted, _stream).ConfigureAwait(false);
            if (generates && _stream is null && answer.ContentLength is null && MediaTypes.Is(type, "application/json") && !_usage.EndsObject)
                throw new EngineFailedException($"node {lease.Node.Name} ended its answer in the middle");
            if (_stream is { HasSurplus: true })
                answer.Distrust();
            isWhole = true;
        }
        finally
        {
            if (route.Operation is not null || route.CountsTokens)
                state.Measure?.Tokens(_usage.PromptTokens, _usage.CompletionTokens, isWhole);
            if (state.PromptTokens + state.CompletionTokens is > 0 and var tokens)
                lease.Tokens = tokens;
        }
        lease.Succeeded();
    }

    private static string? ContentTypeOf(IPassageAnswer answer)
    {
        foreach (var (name, value) in answer.Headers)
        {
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
                return value;
        }
        return null;
    }

    /// <summary>What was passed on of an answer that its node broke off, where another one may go on with it; null where that cannot be.</summary>
    public PassedAnswer? ToGoOn(Gateway.Dispatch.Route way, EngineException failure) =>
        _stream?.Sent is { } sent && _heard is { } lease && PassedAnswer.Read(route.Path, sent) is { } answer && way.MayContinue(lease, failure) ? answer : null;

    /// <summary>No other node goes on: sends what can be told of what came last.</summary>
    /// <returns>Whether the client heard of the failure in the node's own words; else it is to be told.</returns>
    public async ValueTask<bool> BreakOffAsync()
    {
        var told = _stream?.BreakOff(http.Response.BodyWriter) ?? false;
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
        return told;
    }

    /// <summary>Those of the client, and where the request stands in its trace.</summary>
    private List<KeyValuePair<string, string>> Headers(NodeLease lease)
    {
        _headers ??= PassageHeaders.Of(http.Request);
        var headers = new List<KeyValuePair<string, string>>(_headers.Count + 4);
        headers.AddRange(_headers);
        // For a gateway alone, which is told so which of this one's callers asks.
        if (lease.Node.Connection.Messages is not null && RequestState.Of(http).Measure?.PrefixScope is { } scope)
            headers.Add(new(ScopeHeader.Name, scope));
        TraceHeaders.AddTo(headers);
        return headers;
    }

    public void Dispose()
    {
        _silence?.Dispose();
        _stream?.Dispose();
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
            ? new SilenceBreaker(http, Sse.ContentType, static () => ": waiting\n\n"u8.ToArray(), keepAlive, QueueHeaders.WantsProgress(http.Request) ? QueueHeaders.Comment : null)
            : null;
    }

    /// <summary>An answer that has begun.</summary>
    private readonly record struct Opened(NodeLease Lease, SentRequest Sent, ReadOnlyMemory<byte> First, bool IsSecond)
    {
        /// <summary>It came too late to be heard.</summary>
        public async ValueTask LetGoAsync()
        {
            Lease.Superseded();
            await Sent.DisposeAsync().ConfigureAwait(false);
            if (IsSecond)
                Lease.Dispose();
        }
    }
}
