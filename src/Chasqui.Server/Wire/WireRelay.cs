using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Chasqui.Transport;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>One generation that came over MCP.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Kind">What it is in the words of telemetry.</param>
/// <param name="Model">The model as it was asked for.</param>
/// <param name="Characters">How long the prompt is.</param>
/// <param name="Request">The request by its types.</param>
/// <param name="Message">The request as it came.</param>
/// <param name="Typed">Runs it by its types on an engine.</param>
internal sealed record RelayRequest(
    string Operation, string Kind, string Model, int Characters, GenerationRequest Request, ReadOnlyMemory<byte> Message, Func<IEngine, CancellationToken, IAsyncEnumerable<GenerationUpdate>> Typed);

/// <summary>
/// Sends generations that came over MCP to a node: as they are where the node is another Chasqui on MCP and nothing has to be changed, so that a token costs a frame in and a
/// frame out; else by their types. Thread-safe.
/// </summary>
internal sealed partial class WireRelay(Dispatcher dispatcher, ModelRules rules, MeasuredEngine measured, ChannelHub hub, CallerGate gate, ILogger<WireRelay> logger)
{
    public async ValueTask RunAsync(IncomingCall call, WireAnswer answer, RelayRequest request, CancellationToken cancellationToken)
    {
        var measure = RequestMeasure.Current;
        measure?.Asks(request.Kind, request.Model);
        await gate.AdmitAsync(request.Model, request.Characters, request.Request.Options.NumPredict, cancellationToken).ConfigureAwait(false);
        var model = rules.Resolve(request.Model);
        var way = dispatcher.Begin(new RouteRequest
        {
            Model = model,
            AskedFor = request.Model,
            Node = call.Headers["node"],
            PromptTokens = request.Characters / RouteRequest.CharactersPerToken,
            MaxTokens = request.Request.Options.NumPredict,
            Blocks = dispatcher.BlocksOf(model, request.Request),
        });
        way.Silence = QueueEvents.Of(hub, call.Headers[QueueEvents.Field], call.Headers["request-id"]);
        while (true)
        {
            using var lease = await way.NextAsync(cancellationToken).ConfigureAwait(false);
            if (logger.IsEnabled(LogLevel.Debug))
                LogRoute(lease.Model, lease.Node.Name, lease.Reason);
            using var record = request.Request.Continue && measure?.Continues != false && way.CouldContinue(lease) ? new RelayRecord() : null;
            EngineException failure;
            try
            {
                var policy = rules.PolicyOf(lease.Model);
                // What is wanted in the log, changed by a rule or known by another name has to be read.
                if (lease.Node.Connection.Messages is { } messages && policy is null && !measured.SeesPrompts && lease.ModelName == request.Model)
                    await PassAsync(call, answer, request, messages, lease, measure, record).ConfigureAwait(false);
                else
                    await WireStreams.SendAsync(request.Typed(measured.Over(new ContinuingEngine(lease, way, rules.PolicyOf)), cancellationToken), request.Request.WithTokens, answer, cancellationToken).ConfigureAwait(false);
                lease.Succeeded();
                return;
            }
            catch (Exception e) when (lease.FailureOf(e) is { } why)
            {
                failure = why;
            }
            lease.Ended(failure);
            if (answer.Begun && record?.Read() is { IsEmpty: false } said && way.MayContinue(lease, failure))
            {
                var rest = new ContinuingEngine(way, rules.PolicyOf, said, failure);
                await WireStreams.SendAsync(request.Typed(measured.Over(rest), cancellationToken), request.Request.WithTokens, answer, cancellationToken).ConfigureAwait(false);
                return;
            }
            if (answer.Begun || !way.MayRetry(lease, failure))
                throw failure;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Model {Model} goes to node {Node}: {Reason}")]
    private partial void LogRoute(string model, string node, RouteReason reason);

    private static async ValueTask PassAsync(
        IncomingCall call, WireAnswer answer, RelayRequest request, IMessagePassage messages, NodeLease lease, RequestMeasure? measure, RelayRecord? record)
    {
        var upstream = await messages.SendAsync(request.Operation, request.Message, lease.Token).ConfigureAwait(false);
        await using (upstream.ConfigureAwait(false))
        {
            var ended = false;
            while (await upstream.ReadAsync(lease.Token).ConfigureAwait(false) is { } message)
            {
                lease.Progressed();
                measure?.FirstToken();
                if (IsText(message.Span))
                    measure?.Passed(message.Length - TextHead);
                else
                    ended = Ends(message.Span, lease, measure);
                lease.BeginClientWait();
                await answer.PassAsync(message, ended, lease.Token).ConfigureAwait(false);
                lease.EndClientWait();
                record?.Add(message.Span);
            }
            if (!ended)
                throw new EngineFailedException($"node {lease.Node.Name} ended its answer without a result");
        }
    }

    // The field's key and the length of a short text.
    private const int TextHead = 2;

    /// <summary>Whether the message is a piece of text and nothing else: field 1 alone, up to its end.</summary>
    private static bool IsText(ReadOnlySpan<byte> message) => message.Length > TextHead && message[0] == 0x0A && message[1] < 0x80 && message.Length == message[1] + TextHead;

    private static bool Ends(ReadOnlySpan<byte> message, NodeLease lease, RequestMeasure? measure)
    {
        try
        {
            var update = Chasqui.Protocol.Messages.GenerationUpdate.Parser.ParseFrom(message);
            measure?.Passed(Encoding.UTF8.GetByteCount(update.Text) + Encoding.UTF8.GetByteCount(update.Thinking) + update.ToolCalls.Length);
            if (update.Result is not { } result)
                return false;
            measure?.Tokens(result.PromptTokens, result.CompletionTokens);
            lease.Tokens = result.PromptTokens + result.CompletionTokens;
            return true;
        }
        catch (Google.Protobuf.InvalidProtocolBufferException e)
        {
            throw new EngineFailedException("the node's answer cannot be read: it is no GenerationUpdate of chasqui.proto", e);
        }
    }
}
