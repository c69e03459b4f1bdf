using System.Text;
using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Cli;

/// <summary>What <c>serve</c> says once it serves and the nodes have been asked: where it listens, and what it has.</summary>
internal static class Announcement
{
    private const int MaxModels = 8;
    private const int MaxNodes = 8;

    /// <summary>A node that takes longer to answer is told by the log.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(35);

    public static async Task WriteAsync(WebApplication gateway, bool json, CliConsole console, CancellationToken cancellationToken)
    {
        var addresses = GatewayHost.Addresses(gateway);
        var wire = GatewayHost.WireAddresses(gateway);
        var nodes = gateway.Services.GetRequiredService<NodeSet>();
        var rules = gateway.Services.GetRequiredService<ModelRules>();
        try
        {
            await nodes.RefreshAsync(cancellationToken).WaitAsync(_patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            // What is known is told.
        }
        if (json)
        {
            console.Out.WriteLine(ToJson(addresses, wire, nodes, rules));
        }
        else
        {
            foreach (var address in addresses)
                console.Out.WriteLine($"Chasqui {CliProgram.Version} is listening on {Plain(address)}");
            if (wire.Count > 0)
                console.Out.WriteLine($"MCP on {string.Join(", ", wire)}");
            WriteModels(console, Plain(Reachable(addresses[0])), nodes, rules, gateway.Services.GetRequiredService<GatewayOptions>());
        }
        await console.Out.FlushAsync(cancellationToken);
        WarnIfUnavailable(gateway, console);
    }

    private static void WriteModels(CliConsole console, string address, NodeSet nodes, ModelRules rules, GatewayOptions options)
    {
        var output = console.Out;
        var embedded = nodes.All.FirstOrDefault(node => node.Options.Kind == NodeKind.Embedded);
        // An Ollama that is looked for without being configured, and is not there, is no news.
        var others = nodes.All.Where(node => node != embedded && !(node.Options.IsImplied && node.Report is null)).ToList();
        var own = embedded is null ? [] : ModelsOf(embedded, nodes, rules);
        if (own.Count > 0)
            output.WriteLine($"Models: {List(own)}");
        foreach (var node in others.Take(MaxNodes))
            output.WriteLine($"Node {node.Name}: {Describe(node, nodes, rules)}");
        if (others.Count > MaxNodes)
            output.WriteLine($"And {others.Count - MaxNodes} more nodes; '{console.Command} nodes' shows all.");
        if (nodes.Catalogue.Models.Count == 0)
        {
            output.WriteLine(embedded is null
                ? "No models: the embedded engine is off, and no node has any yet."
                : $"No models yet: put GGUF files into {(options.Models.Folders.Count > 0 ? options.Models.Folders[0] : "a folder, and name it with --models")}");
        }
        else if (ModelChoice.Usual(nodes.Catalogue.Models, [.. others.Where(node => node.Report is not null).SelectMany(node => node.Models.Values)]) is { } model)
        {
            output.WriteLine("Try:");
            output.WriteLine($"  curl {address}/api/generate -d '{{\"model\":\"{Short(model.Name)}\",\"prompt\":\"Once upon a time\"}}'");
        }
        output.WriteLine("Ctrl-C stops it.");
    }

    /// <summary>As clients may ask for them.</summary>
    private static IReadOnlyList<ModelSummary> ModelsOf(Node node, NodeSet nodes, ModelRules rules) =>
        rules.WithAliases([.. nodes.Catalogue.Models.Where(model => node.Find(Canonical(model.Name)) is not null)]);

    private static string Describe(Node node, NodeSet nodes, ModelRules rules)
    {
        if (node.Report is not { } report)
            return node.Health.LastFailure.Length > 0
                ? $"down, {SafeText.OneLine(NodeFailure.Reason(node.Name, node.Health.LastFailure))}"
                : $"no answer yet from {node.Options.Url}";
        var models = ModelsOf(node, nodes, rules);
        return $"{report.Software}, {(models.Count == 0 ? "no models" : List(models))}";
    }

    private static string List(IReadOnlyList<ModelSummary> models) => string.Join(", ", models.Take(MaxModels).Select(Label))
        + (models.Count > MaxModels ? $", and {models.Count - MaxModels} more" : "");

    private static string Label(ModelSummary model) => model.SizeBytes > 0 ? $"{model.Name} ({HumanText.Size(model.SizeBytes)})" : model.Name;

    /// <summary>One line: <c>{"listening": [URL], "mcp": [ADDRESS], "models": [NAME], "nodes": [{"name", "url", "answers"}]}</c>.</summary>
    private static string ToJson(IReadOnlyList<Uri> addresses, IReadOnlyList<string> wire, NodeSet nodes, ModelRules rules)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            WriteArray(json, "listening", addresses.Select(Plain));
            WriteArray(json, "mcp", wire);
            WriteArray(json, "models", rules.WithAliases(nodes.Catalogue.Models).Select(model => model.Name));
            json.WriteStartArray("nodes");
            foreach (var node in nodes.All.Where(node => node.Options.Kind != NodeKind.Embedded && !(node.Options.IsImplied && node.Report is null)))
            {
                json.WriteStartObject();
                json.WriteString("name", node.Name);
                json.WriteString("url", node.Options.Url);
                json.WriteBoolean("answers", node.Report is not null);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static void WriteArray(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static void WarnIfUnavailable(WebApplication gateway, CliConsole console)
    {
        if (!gateway.Services.GetRequiredService<GatewayOptions>().EngineEnabled)
            return;
        try
        {
            ModelManagement.EnsureAvailable(gateway.Services.GetRequiredService<IEngine>());
        }
        catch (EngineUnavailableException e)
        {
            console.Remark($"warning: no model can run here: {e.Message}");
        }
    }

    /// <summary>An address that means all of the machine's cannot be called; this machine can call itself.</summary>
    private static Uri Reachable(Uri address) =>
        address.Host is "0.0.0.0" or "[::]" ? new UriBuilder(address) { Host = "127.0.0.1" }.Uri : address;

    private static string Plain(Uri address) => address.GetLeftPart(UriPartial.Authority);

    private static string Canonical(string name) => Chasqui.ModelNames.Canonical(name);

    private static string Short(string name) =>
        name.EndsWith(":latest", StringComparison.Ordinal) ? name[..^":latest".Length] : name;
}
