using System.Diagnostics;
using System.Runtime.CompilerServices;
using Chasqui.Engines.Wire;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Chasqui.Transport;

namespace Chasqui.Server;

/// <summary>Lets equal generations of MCP that always have the same answer have it made once while they run. Thread-safe.</summary>
internal sealed class WireSharing(NodeSet nodes, GatewayTelemetry telemetry)
{
    // Objects beside the text, and each log-probability.
    private const int Overhead = 256;

    private readonly SharedGenerations<GenerationUpdate> _running = new(static update =>
        Overhead + ((update.Text.Length + update.Thinking.Length + (update.RenderedPrompt?.Length ?? 0)) * sizeof(char))
        + ((update.Logprobs?.Count ?? 0) * Overhead) + (update.ToolCalls?.GetRawText().Length ?? 0));

    /// <summary>Whether a request may be answered with others: not one that wants to hear of its own place in line.</summary>
    public bool Shares(IncomingCall call, GenerationRequest request) =>
        request.Options is { Temperature: 0 } or { Seed: >= 0 } && nodes.Settings.Merging.Share && call.Headers[QueueEvents.Field] is null;

    /// <summary>Answers a request with others.</summary>
    /// <param name="call">The call.</param>
    /// <param name="answer">Its answer.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="engine">Who makes the answer.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public async ValueTask AnswerAsync(IncomingCall call, WireAnswer answer, RelayRequest request, IEngine engine, CancellationToken cancellationToken)
    {
        var measure = RequestMeasure.Current;
        measure?.Asks(request.Kind, request.Model);
        var key = SharedKeys.Of(request.Operation, call.Headers["node"], request.Message.Span);
        using var reader = _running.Join(key, nodes.Settings.Merging.ShareBuffer, (stream, token) => RunAsync(stream, request, engine, measure?.Share(), token), out var isFirst);
        if (!isFirst)
        {
            telemetry.SharedGeneration(request.Model);
            answer.IsShared = true;
        }
        try
        {
            await WireStreams.SendAsync(ReadAsync(reader, measure, cancellationToken), request.Request.WithTokens, answer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (reader.Stream.Tag is RequestMeasure made)
                measure?.Leaves(made);
        }
    }

    private static async Task RunAsync(SharedStream<GenerationUpdate> stream, RelayRequest request, IEngine engine, RequestMeasure? shared, CancellationToken cancellationToken)
    {
        RequestContext.Current = shared;
        Activity.Current = null;
        stream.Tag = shared;
        try
        {
            await foreach (var update in request.Typed(engine, cancellationToken).WithCancellation(cancellationToken).ConfigureAwait(false))
                await stream.WriteAsync(update, cancellationToken).ConfigureAwait(false);
            shared?.Ended(RequestOutcome.Ok);
        }
        catch (Exception e)
        {
            shared?.Ended(cancellationToken.IsCancellationRequested ? RequestOutcome.Cancelled : RequestOutcome.Failed, WireErrors.CodeOf(e));
            throw;
        }
    }

    private static async IAsyncEnumerable<GenerationUpdate> ReadAsync(
        SharedReader<GenerationUpdate> reader, RequestMeasure? measure, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var update in reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            measure?.FirstToken();
            measure?.Passed(update);
            if (update.Result is { } result)
            {
                measure?.Tokens(result.PromptTokens, result.CompletionTokens);
                if (reader.Stream.Tag is RequestMeasure shared)
                    measure?.Answered(shared);
            }
            yield return update;
        }
    }
}
