using System.Buffers;
using Chasqui.Engines.Ollama;
using Chasqui.Engines.OpenAi;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary><c>GET /api/nodes</c>: what the nodes are, how they are, and what they have. They are asked anew for it.</summary>
internal static class NodesEndpoint
{
    public const string Path = "/api/nodes";

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var nodes = http.RequestServices.GetRequiredService<NodeSet>();
        await nodes.RefreshAsync(http.RequestAborted).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(4096);
        Write(buffer, api, nodes.All, http.RequestServices.GetRequiredService<ModelRules>());
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static void Write(IBufferWriter<byte> output, ApiContext api, IReadOnlyList<Node> nodes, ModelRules rules)
    {
        var json = new JsonText(output);
        json.BeginObject();
        json.Name("nodes"u8);
        json.BeginArray();
        foreach (var node in nodes)
            Write(ref json, api, node, rules);
        json.EndArray();
        json.EndObject();
    }

    private static void Write(ref JsonText json, ApiContext api, Node node, ModelRules rules)
    {
        json.BeginObject();
        Text(ref json, "name"u8, node.Name);
        Text(ref json, "url"u8, WithoutUser(node.Options.Url));
        Text(ref json, "kind"u8, KindOf(node));
        Text(ref json, "state"u8, StateOf(node.Health.State));
        json.Name("configured"u8);
        json.Value(node.Options is { IsImplied: false, Kind: not NodeKind.Embedded });
        Text(ref json, "software"u8, node.Report?.Software ?? "");
        json.Name("weight"u8);
        json.Value(node.Options.Weight);
        Number(ref json, "in_flight"u8, node.InFlight);
        Number(ref json, "requests"u8, node.Requests);
        json.Name("slots"u8);
        if ((node.Options.Slots ?? node.Report?.Slots) is { } slots)
            json.Value((long)slots);
        else
            json.Null();
        json.Name("models"u8);
        json.BeginArray();
        foreach (var name in node.Models.Keys.Order(StringComparer.OrdinalIgnoreCase))
            json.Value(name);
        json.EndArray();
        json.Name("aliases"u8);
        json.BeginArray();
        foreach (var model in node.Models.Keys.Order(StringComparer.OrdinalIgnoreCase))
        {
            foreach (var alias in rules.AliasesOf(model))
            {
                json.BeginObject();
                Text(ref json, "name"u8, alias);
                Text(ref json, "model"u8, model);
                json.EndObject();
            }
        }
        json.EndArray();
        json.Name("resident"u8);
        json.BeginArray();
        foreach (var model in node.Report?.Resident ?? [])
            Write(ref json, api, model);
        json.EndArray();
        Text(ref json, "last_failure"u8, node.Health.LastFailure);
        json.EndObject();
    }

    private static void Write(ref JsonText json, ApiContext api, ResidentModel model)
    {
        json.BeginObject();
        Text(ref json, "name"u8, model.Summary.Name);
        Number(ref json, "size"u8, model.SizeBytes);
        Number(ref json, "size_vram"u8, model.VideoMemoryBytes);
        Number(ref json, "context_length"u8, model.ContextLength);
        json.Name("expires_at"u8);
        json.Value(api.Expiry(model.ExpiresAt));
        json.EndObject();
    }

    /// <summary>What it turned out to be, where that was to be found out.</summary>
    private static string KindOf(Node node) => node.Options.Kind switch
    {
        NodeKind.Embedded => "embedded",
        NodeKind.Chasqui => "chasqui",
        NodeKind.OpenAi => "openai",
        NodeKind.Ollama => "ollama",
        _ => node.Connection switch
        {
            DetectingNode { Found: OpenAiNode } => "openai",
            DetectingNode { Found: OllamaNode } => "ollama",
            DetectingNode => "auto",
            _ => "chasqui",
        },
    };

    internal static string StateOf(NodeState state) => state switch
    {
        NodeState.Up => "up",
        NodeState.Returning => "recovering",
        NodeState.Paused => "down",
        NodeState.Trial => "testing",
        _ => "connecting",
    };

    /// <summary>The address, without a user and a password that somebody may have written into it.</summary>
    internal static string WithoutUser(string address)
    {
        var start = address.IndexOf("://", StringComparison.Ordinal) + 3;
        if (start < 3)
            return address;
        var end = address.AsSpan(start).IndexOfAny('/', '?', '#') is >= 0 and var slash ? start + slash : address.Length;
        var at = address.AsSpan(start, end - start).LastIndexOf('@');
        return at < 0 ? address : string.Concat(address.AsSpan(0, start), address.AsSpan(start + at + 1));
    }

    private static void Text(ref JsonText json, ReadOnlySpan<byte> name, string value)
    {
        json.Name(name);
        json.Value(value);
    }

    private static void Number(ref JsonText json, ReadOnlySpan<byte> name, long value)
    {
        json.Name(name);
        json.Value(value);
    }
}
