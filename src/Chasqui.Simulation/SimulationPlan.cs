using Chasqui.Gateway;

namespace Chasqui.Simulation;

/// <summary>What is simulated.</summary>
public sealed record SimulationPlan
{
    /// <summary>Nodes, 1 to 10,000. Default 1.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>Slots of each node, 1 to 10,000. Default 4.</summary>
    public int Slots { get; init; } = 4;

    /// <summary>Bytes of each node's memory. Default 24 GB.</summary>
    public long Memory { get; init; } = 24_000_000_000;

    /// <summary>The models, at least one, with different names.</summary>
    public required IReadOnlyList<SimulatedModel> Models { get; init; }

    /// <summary>Callers among whom requests are drawn that name none, 1 to 1,000,000. Default 10.</summary>
    public int Callers { get; init; } = 10;

    /// <summary>The scheduler's bounds.</summary>
    public QueueOptions Queue { get; init; } = new();

    /// <summary>How much faster than recorded requests come, 0.001 to 1,000. Default 1.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>A request is good that has its first token within so many seconds. Default 10.</summary>
    public double Target { get; init; } = 10;

    /// <summary>Decides whatever is drawn. Default 1.</summary>
    public int Seed { get; init; } = 1;
}
