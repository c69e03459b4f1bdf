using Chasqui.Engines.Wire;
using Chasqui.Gateway;
using Chasqui.Gateway.Caching;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Requests;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Lets equal requests of HTTP that always have the same answer have it made once while they run. Thread-safe.</summary>
internal sealed class GenerationSharing(IServiceProvider services, NodeSet nodes, ModelRules rules, GatewayTelemetry telemetry, AnswerCache cache, ModelVersions versions)
{
    /// <summary>Tells whoever joined an answer that was begun for another.</summary>
    public const string SharedHeader = "X-Chasqui-Shared";

    // Its run has a copy of the body, and the key is made of all of it.
    private const int LongestBody = 8 << 20;

    private readonly SharedGenerations<SharedPart> _running = new(SharedPart.SizeOf);

    /// <summary>Whether a request may be answered with others: not one that wants to hear of its own place in line.</summary>
    public bool Shares(Route route, HttpContext http, RequestScan scan) =>
        scan.IsDeterministic && scan.Body.Length <= LongestBody && route.Operation is "chat" or "text_completion" && (nodes.Settings.Merging.Share || cache.IsEnabled) && !QueueHeaders.WantsProgress(http.Request);

    /// <summary>Answers a request with others.</summary>
    /// <param name="route">The API.</param>
    /// <param name="http">The request.</param>
    /// <param name="scan">What was read of it.</param>
    /// <param name="answer">Answers the request that stands for all, whose body is given.</param>
    public async Task AnswerAsync(Route route, HttpContext http, RequestScan scan, Func<HttpContext, ReadOnlyMemory<byte>, Task> answer)
    {
        var state = RequestState.Of(http);
        state.Model = scan.Model!;
        state.Measure?.Asks(route.Operation!, state.Model);
        var key = SharedKeys.Of(http, route, rules.Resolve(scan.Model!), scan.Body.Span);
        var control = CacheHeaders.Of(http);
        var kept = cache.IsEnabled && versions.Of(scan.Model!, Node(http)) is { } version ? SharedKeys.Of(key, version) : null;
        if (kept is not null && !control.NoCache && await FindAsync(kept, control, http, state).ConfigureAwait(false))
            return;
        // Where nothing is shared, the answer is kept all the same.
        if (!nodes.Settings.Merging.Share)
            key += state.Measure?.RequestId ?? Guid.NewGuid().ToString();
        using var reader = _running.Join(key, nodes.Settings.Merging.ShareBuffer, (stream, token) =>
        {
            // Whoever has begun it may leave, and his buffers with him.
            var body = scan.Body.ToArray();
            var run = new SharedRun(services, http, body);
            stream.Tag = run.State;
            return MakeAsync(run, inner => answer(inner, body), stream, control.NoStore ? null : kept, token);
        }, out var isFirst);
        if (!isFirst)
        {
            telemetry.SharedGeneration(scan.Model!);
            http.Response.Headers[SharedHeader] = "true";
        }
        try
        {
            await CopyAsync(http, state, reader).ConfigureAwait(false);
        }
        finally
        {
            if (reader.Stream.IsComplete && reader.Stream.Tag is RequestState shared)
                Learn(state, shared);
            else if (reader.Stream.Tag is RequestState { Measure: { } made })
                state.Measure?.Leaves(made);
        }
    }

    private async Task MakeAsync(SharedRun run, Func<HttpContext, Task> answer, SharedStream<SharedPart> stream, string? kept, CancellationToken cancellationToken)
    {
        await run.RunAsync(answer, stream, cancellationToken).ConfigureAwait(false);
        if (kept is not null && CachedGeneration.Of(stream, run.State) is { } whole)
            cache.Add(kept, whole.Write());
    }

    /// <returns>Whether it was answered from what is kept.</returns>
    private async ValueTask<bool> FindAsync(string kept, CacheControl control, HttpContext http, RequestState state)
    {
        var found = await cache.FindAsync(kept, http.RequestAborted).ConfigureAwait(false);
        var known = found is { } answer && control.Takes(answer.Age) ? CachedGeneration.Read(answer.Body) : null;
        control.IsHit = known is not null;
        state.Measure?.CacheLooked("generation", known is null ? 0 : 1, known is null ? 1 : 0);
        if (known is not null)
            control.Age = found!.Value.Age;
        CacheHeaders.Tell(http.Response.Headers, control);
        if (known is null)
            return false;
        state.Measure?.Tokens(known.PromptTokens, known.CompletionTokens);
        var response = http.Response;
        response.ContentType = known.ContentType;
        if (known.IsWhole)
            response.ContentLength = known.Body.Length;
        else
            state.SentBytes = known.Body.Length;
        if (known.Changes.Length > 0)
            response.Headers[OptionChange.HeaderName] = known.Changes;
        state.Measure?.FirstToken();
        await response.BodyWriter.WriteAsync(known.Body, http.RequestAborted).ConfigureAwait(false);
        return true;
    }

    private static string? Node(HttpContext http) => http.Request.Headers[DispatchEndpoint.NodeHeader] is [{ Length: > 0 } named, ..] ? named : null;

    internal static void Learn(RequestState state, RequestState shared)
    {
        state.Node = shared.Node;
        if (shared.Measure is { } measure)
        {
            state.Measure?.Answered(measure);
            state.Measure?.Tokens(measure.InputTokens, measure.OutputTokens);
        }
        if (shared.Failure is { } failure)
            state.Measure?.Failed(WireErrors.CodeOf(failure));
    }

    /// <summary>
    /// What was flushed together stays together, however slowly it is read: clients may count on an event a chunk. Of an answer whose length is known the last part is held back
    /// until the run has ended, as the end of any other is: whoever has all of it and asks again finds it kept.
    /// </summary>
    private static async Task CopyAsync(HttpContext http, RequestState state, SharedReader<SharedPart> reader)
    {
        ReadOnlyMemory<byte> held = default;
        while (await reader.ReadAsync(http.RequestAborted).ConfigureAwait(false) is (true, var part))
        {
            if (part.Head is { } head)
            {
                Head(http, head);
                continue;
            }
            var next = part.Body;
            if (http.Response.ContentLength is not null)
                (held, next) = (next, held);
            await WriteAsync(http, state, next).ConfigureAwait(false);
            state.Measure?.PassedUpTo(part.Tokens);
        }
        await WriteAsync(http, state, held).ConfigureAwait(false);
    }

    private static async Task WriteAsync(HttpContext http, RequestState state, ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return;
        state.Measure?.FirstToken();
        state.SentBytes += body.Length;
        var flushed = await http.Response.BodyWriter.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
        if (flushed.IsCompleted || flushed.IsCanceled)
            throw new OperationCanceledException("the client has left", http.RequestAborted);
    }

    internal static void Head(HttpContext http, SharedHead head)
    {
        http.Response.StatusCode = head.Status;
        foreach (var (name, values) in head.Headers)
        {
            if (!name.Equals(DispatchEndpoint.RouteHeader, StringComparison.OrdinalIgnoreCase) || RouteExplanation.IsWanted(http))
                http.Response.Headers[name] = values;
        }
    }
}
