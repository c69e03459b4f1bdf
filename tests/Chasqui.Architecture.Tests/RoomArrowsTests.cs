using System.Xml.Linq;

namespace Chasqui.Architecture.Tests;

/// <summary>The rooms under <c>src/</c> depend on each other in one direction only.</summary>
public sealed class RoomArrowsTests
{
    /// <summary>What each room may reference. A room that is not listed here fails the test, so that its arrows are decided on purpose.</summary>
    private static readonly Dictionary<string, string[]> _allowed = new(StringComparer.Ordinal)
    {
        ["Chasqui.Abstractions"] = [],
        ["Chasqui.Protocol"] = [],
        ["Chasqui.Transport"] = ["Chasqui.Protocol"],
        ["Chasqui.Client"] = ["Chasqui.Protocol", "Chasqui.Transport"],
        // An engine may be another Chasqui, so the engines know the client.
        ["Chasqui.Engines"] = ["Chasqui.Abstractions", "Chasqui.Client"],
        ["Chasqui.Gateway"] = ["Chasqui.Abstractions"],
        ["Chasqui.Storage"] = ["Chasqui.Abstractions", "Chasqui.Gateway"],
        ["Chasqui.Server"] = ["Chasqui.Abstractions", "Chasqui.Client", "Chasqui.Engines", "Chasqui.Gateway", "Chasqui.Protocol", "Chasqui.Storage", "Chasqui.Transport"],
        ["Chasqui.Simulation"] = ["Chasqui.Abstractions", "Chasqui.Gateway"],
        ["Chasqui.Cli"] = ["Chasqui.Abstractions", "Chasqui.Client", "Chasqui.Engines", "Chasqui.Server", "Chasqui.Simulation", "Chasqui.Bench"],
    };

    public static TheoryData<string> Rooms() => [.. RoomNames()];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_references_only_the_rooms_below_it(string room)
    {
        Assert.True(_allowed.TryGetValue(room, out var allowed), $"{room} has no entry in the table of allowed arrows");

        var project = XDocument.Load(Path.Combine(Source(), room, room + ".csproj"));
        var referenced = project.Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.All(referenced, name => Assert.Contains(name, allowed));
    }

    [Fact]
    public void The_engines_know_no_web_server()
    {
        var project = XDocument.Load(Path.Combine(Source(), "Chasqui.Engines", "Chasqui.Engines.csproj"));
        Assert.Empty(project.Descendants("FrameworkReference"));
    }

    [Fact]
    public void No_public_type_begins_with_Mcp()
    {
        var offenders = Directory.EnumerateFiles(Source(), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => File.ReadLines(file).Select(line => (file, line)))
            .Where(x => System.Text.RegularExpressions.Regex.IsMatch(
                x.line, @"\bpublic\b.*\b(class|struct|record|interface|enum)\s+I?Mcp"));
        Assert.Empty(offenders);
    }

    /// <summary>An exception that leaves a timer's callback ends the process; <c>CreateBackgroundTimer</c> reports it instead.</summary>
    [Fact]
    public void No_timer_can_end_the_process()
    {
        // The clock of the transport catches what each connection throws; it knows no other room.
        string[] own = ["BackgroundTimers.cs", "ConnectionClock.cs"];
        var offenders = Directory.EnumerateFiles(Source(), "*.cs", SearchOption.AllDirectories)
            .Where(file => !own.Contains(Path.GetFileName(file)))
            .Where(file => File.ReadAllText(file).Contains(".CreateTimer(", StringComparison.Ordinal));
        Assert.Empty(offenders);
    }

    private static IEnumerable<string> RoomNames() =>
        Directory.EnumerateDirectories(Source()).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal);

    private static string Source()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Chasqui.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Chasqui.slnx is in no folder above the tests");
        return Path.Combine(folder, "src");
    }
}
