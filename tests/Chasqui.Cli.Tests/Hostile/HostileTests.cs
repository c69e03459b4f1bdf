using Chasqui.Bench.Hostile;

namespace Chasqui.Cli.Tests.Hostile;

/// <summary>No attack takes the gateway from other callers: beside each of them a caller that does nothing wrong is served, and the gateway's memory is bounded. <c>./run bench hostile</c> does it for longer.</summary>
public sealed class HostileTests(HostileGateway gateway, ITestOutputHelper output) : IClassFixture<HostileGateway>
{
    private const double Seconds = 1.5;

    // Over what it had when it was idle, MiB.
    private const double MostMemory = 512;

    public static TheoryData<string> Attacks() => [.. AttackNames.All];

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task A_caller_who_does_nothing_wrong_is_served_beside(string attack)
    {
        var (attacks, calls, memory) = await gateway.AttackAsync(attack, Seconds);

        output.WriteLine(FormattableString.Invariant(
            $"{attack}: {attacks} times; {calls.Count} calls, longest {calls.Max(call => call.Milliseconds):0} ms; gateway +{memory.Gateway:0} MiB, worker +{memory.Worker:0} MiB"));
        Assert.True(attacks > 0, $"{attack} did nothing");
        Assert.All(calls, call => Assert.Null(call.Error));
        Assert.InRange(memory.Gateway, double.MinValue, MostMemory);
        Assert.InRange(memory.Worker, double.MinValue, MostMemory);
    }
}
