using System.Net;
using System.Threading.Channels;
using Chasqui.Protocol.Headers;
using Chasqui.Protocol.Operations;
using Chasqui.Server;
using Chasqui.Transport;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>The same node as <see cref="NodeServer"/>, as another Chasqui: over MCP/1, with the operations that a gateway asks for.</summary>
internal sealed class NodeMessageServer : IKestrelApp
{
    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count) =>
        kestrel.ListenWire(new IPEndPoint(IPAddress.Loopback, 0), listen => listen.UseConnectionHandler<Handler>());

    public void AddServices(IServiceCollection services) => services.AddWireTransport().AddSingleton<NodePace>();

    public void Map(WebApplication app)
    {
    }

    internal sealed class Handler(NodePace pace) : ConnectionHandler
    {
        private static readonly ConnectionOptions _options = new();
        private static readonly HeaderList _ok = new() { { "status", "200" } };
        private static readonly HeaderList _json = new() { { "status", "200" }, { "content-type", "application/json; charset=utf-8" } };
        private static readonly HeaderList _lines = new() { { "status", "200" }, { "content-type", "application/x-ndjson" } };
        private static readonly HeaderList _events = new() { { "status", "200" }, { "content-type", "text/event-stream" } };
        private static readonly HeaderList _missing = new() { { "status", "404" }, { "content-type", "application/json; charset=utf-8" } };

        private static readonly byte[] _info = Info();
        private static readonly byte[] _models = new Messages.ModelList { Models = { Summary() } }.ToByteArray();
        private static readonly byte[] _resident = new Messages.ResidentList
        {
            Models = { new Messages.ResidentModel { Summary = Summary(), SizeBytes = 2_600_000_000, ContextLength = 4096, Slots = 64, ExpiresTicks = long.MaxValue } },
        }.ToByteArray();

        private static readonly byte[] _description = new Messages.ModelDescription { Summary = Summary() }.ToByteArray();
        private static readonly byte[][] _updates =
            [.. NodeAnswers.Words().Select(word => new Messages.GenerationUpdate { Text = word }.ToByteArray()), new Messages.GenerationUpdate { Result = Result() }.ToByteArray()];

        private static readonly byte[] _unknown = new Messages.Error { Code = "not_supported", Message = "this node of the benchmark does not have the operation" }.ToByteArray();

        public override async Task OnConnectedAsync(ConnectionContext connection)
        {
            await using var wire = Connection.Create(connection.Transport, ConnectionRole.Acceptor, _options, AnswerAsync);
            await wire.OpenAsync(connection.ConnectionClosed);
            await wire.Closed;
        }

        private ValueTask AnswerAsync(IncomingCall call) => call.Headers["op"] switch
        {
            Operation.Http => HttpAsync(call),
            Operation.Chat => ChatAsync(call),
            Operation.ServerInfo => WholeAsync(call, _ok, _info),
            Operation.ModelsList => WholeAsync(call, _ok, _models),
            Operation.ModelsPs => WholeAsync(call, _ok, _resident),
            Operation.ModelsShow => WholeAsync(call, _ok, _description),
            _ => WholeAsync(call, new HeaderList { { "status", "501" } }, _unknown),
        };

        private static async ValueTask WholeAsync(IncomingCall call, HeaderList head, byte[] body)
        {
            await BodyAsync(call);
            await call.RespondAsync(head, body);
        }

        private async ValueTask ChatAsync(IncomingCall call)
        {
            await BodyAsync(call);
            await StreamAsync(call, _ok, _updates);
        }

        private async ValueTask HttpAsync(IncomingCall call)
        {
            var path = call.Headers["path"]!.Split('?', 2)[0];
            var stream = await BodyAsync(call);
            await (path switch
            {
                "/api/chat" when stream ?? true => StreamAsync(call, _lines, NodeAnswers.OllamaLines),
                "/v1/chat/completions" when stream ?? false => StreamAsync(call, _events, NodeAnswers.OpenAiEvents),
                "/api/chat" => call.RespondAsync(_json, NodeAnswers.OllamaAnswer),
                "/v1/chat/completions" => call.RespondAsync(_json, NodeAnswers.OpenAiAnswer),
                "/api/version" => call.RespondAsync(_json, NodeAnswers.Version),
                "/api/tags" => call.RespondAsync(_json, NodeAnswers.Tags),
                "/api/ps" => call.RespondAsync(_json, NodeAnswers.Resident),
                "/api/show" => call.RespondAsync(_json, NodeAnswers.Show),
                _ => call.RespondAsync(_missing, NodeAnswers.NotFound),
            });
        }

        /// <returns>Whether the body asks for a stream; null where it does not say.</returns>
        private static async ValueTask<bool?> BodyAsync(IncomingCall call)
        {
            bool? stream = null;
            while (await call.ReadAsync() is { } message)
            {
                using (message)
                    stream ??= NodeRequest.AsksForStream(message.Body.Span);
            }

            return stream;
        }

        private async ValueTask StreamAsync(IncomingCall call, HeaderList head, byte[][] parts)
        {
            var ticks = new Ticks(parts.Length, call.Aborted);
            pace.Add(ticks);
            await call.RespondAsync(head);
            for (var i = 0; i < parts.Length; i++)
            {
                await ticks.NextAsync(call.Aborted);
                await call.WriteAsync(parts[i], end: i == parts.Length - 1, ct: call.Aborted);
            }
        }

        private static byte[] Info()
        {
            var info = new Messages.ServerInfo { Name = "chasqui", Version = "0.1.0" };
            info.Operations.AddRange([Operation.Chat, Operation.Http, Operation.ModelsList, Operation.ModelsPs, Operation.ModelsShow, Operation.ServerInfo]);
            return info.ToByteArray();
        }

        private static Messages.ModelSummary Summary() => new()
        {
            Name = NodeAnswers.Model,
            ModifiedTicks = new DateTime(2026, 1, 5, 9, 30, 0, DateTimeKind.Utc).Ticks,
            SizeBytes = 2_019_393_189,
            Digest = "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
            Details = new Messages.ModelDetails { Format = "gguf", Family = "llama", ParameterSize = "3.2B", QuantizationLevel = "Q4_K_M", ContextLength = 131072 },
            Capabilities = { "completion", "tools" },
        };

        private static Messages.GenerationResult Result() => new()
        {
            Reason = Messages.FinishReason.Stop,
            PromptTokens = 312,
            CompletionTokens = NodeAnswers.Tokens,
            TotalNs = 1_912_345_678,
            LoadNs = 21_234_567,
            PromptNs = 212_345_678,
            CompletionNs = 1_612_345_678,
        };
    }

    private sealed class Ticks(int count, CancellationToken aborted) : IPaced
    {
        private readonly Channel<bool> _ticks = Channel.CreateBounded<bool>(new BoundedChannelOptions(count) { SingleReader = true, SingleWriter = true });
        private int _left = count;

        public bool Tick() => _ticks.Writer.TryWrite(true) && --_left > 0 && !aborted.IsCancellationRequested;

        public ValueTask<bool> NextAsync(CancellationToken cancellationToken) => _ticks.Reader.ReadAsync(cancellationToken);
    }
}
