using System.Buffers;
using Chasqui.Engines.Wire;
using Chasqui.Gateway;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Requests;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Lets equal requests of HTTP that always have the same answer have it made once while they run. Thread-safe.</summary>
internal sealed class GenerationSharing(IServiceProvider services, NodeSet nodes, ModelRules rules, GatewayTelemetry telemetry)
{
    /// <summary>Tells whoever joined an answer that was begun for another.</summary>
    public const string SharedHeader = "X-Chasqui-Shared";

    // Beyond this the client is told even while more is there already.
    private const int MaxHeld = 64 * 1024;

    private readonly SharedGenerations<SharedPart> _running = new(SharedPart.SizeOf);

    /// <summary>Whether a request may be answered with others: not one that wants to hear of its own place in line.</summary>
    public bool Shares(Route route, HttpContext http, RequestScan scan) =>
        scan.IsDeterministic && route.Operation is "chat" or "text_completion" && nodes.Settings.Merging.Share && !QueueHeaders.WantsProgress(http.Request);

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
        using var reader = _running.Join(key, nodes.Settings.Merging.ShareBuffer, (stream, token) =>
        {
            // Whoever has begun it may leave, and his buffers with him.
            var body = scan.Body.ToArray();
            var run = new SharedRun(services, http, body);
            stream.Tag = run.State;
            return run.RunAsync(inner => answer(inner, body), stream, token);
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
        }
    }

    private static void Learn(RequestState state, RequestState shared)
    {
        (state.PromptTokens, state.CompletionTokens, state.Node) = (shared.PromptTokens, shared.CompletionTokens, shared.Node);
        if (shared.Measure is { } measure)
            state.Measure?.Answered(measure);
        if (shared.Failure is { } failure)
            state.Measure?.Failed(WireErrors.CodeOf(failure));
    }

    private static async Task CopyAsync(HttpContext http, RequestState state, SharedReader<SharedPart> reader)
    {
        var writer = http.Response.BodyWriter;
        var held = 0;
        while (true)
        {
            if (!reader.TryRead(out var part))
            {
                if (held > 0)
                    await FlushAsync(http).ConfigureAwait(false);
                held = 0;
                (var more, part) = await reader.ReadAsync(http.RequestAborted).ConfigureAwait(false);
                if (!more)
                    return;
            }
            if (part.Head is { } head)
            {
                Head(http, head);
                continue;
            }
            state.Measure?.FirstToken();
            writer.Write(part.Body.Span);
            state.SentBytes += part.Body.Length;
            held += part.Body.Length;
            if (held < MaxHeld)
                continue;
            await FlushAsync(http).ConfigureAwait(false);
            held = 0;
        }
    }

    private static void Head(HttpContext http, SharedHead head)
    {
        http.Response.StatusCode = head.Status;
        foreach (var (name, values) in head.Headers)
        {
            if (!name.Equals(DispatchEndpoint.RouteHeader, StringComparison.OrdinalIgnoreCase) || http.Request.Headers.ContainsKey(DispatchEndpoint.ExplainHeader))
                http.Response.Headers[name] = values;
        }
    }

    private static async ValueTask FlushAsync(HttpContext http)
    {
        var flushed = await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
        if (flushed.IsCompleted || flushed.IsCanceled)
            throw new OperationCanceledException("the client has left", http.RequestAborted);
    }
}
