using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Double = Chasqui.OllamaDouble.OllamaDouble;

namespace Chasqui.Server.Tests.Configuration;

/// <summary>A gateway before a double of Ollama that runs while its file is written anew. The file is read when the test says so.</summary>
internal sealed class ReloadingFleet : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly ConfigurationWatch _watch;
    private readonly LineList<ConfigurationWatch> _log = new();

    private ReloadingFleet(DirectoryInfo folder, ConfigurationFile file, Fleet fleet)
    {
        (_folder, Fleet) = (folder, fleet);
        _watch = new ConfigurationWatch(file, fleet.Gateway.App.Services.GetRequiredService<LiveGatewaySettings>(), fleet.Gateway.App.Services.GetRequiredService<LogThreshold>(), TimeProvider.System, _log);
    }

    public Fleet Fleet { get; }

    /// <summary>What the log says of the file, without its folder.</summary>
    public IReadOnlyList<string> Lines => [.. _log.Lines.Select(line => line.Replace(_folder.FullName + Path.DirectorySeparatorChar, "", StringComparison.Ordinal))];

    /// <summary>Starts one, with the model loaded and counts at zero.</summary>
    /// <param name="sections">Sections of the file, as JSON without braces.</param>
    /// <param name="script">What the node plays.</param>
    /// <param name="time">The gateway's clock.</param>
    public static async Task<ReloadingFleet> StartAsync(string sections, DoubleScript? script = null, TimeProvider? time = null)
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-reload-");
        var node = await Double.StartAsync(script ?? new DoubleScript(), cancellation: TestContext.Current.CancellationToken);
        Write(folder, node, sections);
        var file = ConfigurationFile.Load(Path.Combine(folder.FullName, "chasqui.json"));
        var fleet = await Fleet.StartAsync([node], change: options => options with
        {
            Nodes = file.Options.Nodes,
            Merging = file.Options.Merging,
            Cache = file.Options.Cache,
            Limits = file.Options.Limits,
        }, time: time);
        await fleet.WarmAsync();
        node.Reset();
        return new ReloadingFleet(folder, file, fleet);
    }

    /// <summary>Writes the file anew, and has the gateway read it.</summary>
    public void Reload(string sections)
    {
        Write(_folder, Fleet.Double, sections);
        _watch.Reload();
    }

    public async ValueTask DisposeAsync()
    {
        _watch.Dispose();
        await Fleet.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static void Write(DirectoryInfo folder, Double node, string sections) => File.WriteAllText(Path.Combine(folder.FullName, "chasqui.json"), $$"""
        { "Nodes": [ { "Name": "n0", "Url": "{{node.Address}}", "Kind": "ollama", "Slots": {{node.Script.NumParallel}} } ],
          "Routing": { "CanaryAfter": "0s" },
          {{sections}} }
        """);
}
