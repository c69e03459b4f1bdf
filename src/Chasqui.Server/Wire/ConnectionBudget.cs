using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Transport;

namespace Chasqui.Server;

/// <summary>What one connection of MCP holds counts for its caller. Thread-safe.</summary>
internal sealed class ConnectionBudget(ByteBudget budget, BodyRules rules, CallerLoad load, Caller caller, IGatewaySettings settings) : IMessageBudget
{
    /// <summary>What the caller has under way on all its connections.</summary>
    public CallerLoad Load { get; } = load;

    /// <summary>What holds for bodies of requests.</summary>
    public BodyRules Rules { get; } = rules;

    public TimeSpan Patience => settings.Current.Limits.Load.BodyDelay;

    public bool TryTake(long bytes) => budget.TryTake(Load, bytes);

    public void Take(long bytes) => budget.Take(Load, bytes);

    public void Return(long bytes) => budget.Return(Load, bytes);

    public Exception Refusal() => budget.Refusal(Load, caller, 1);
}
