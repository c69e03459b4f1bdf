using System.Reflection;
using Chasqui.Protocol.Messages;

namespace Chasqui.Server;

/// <summary>The operation <c>server.info</c>.</summary>
internal static class ServerInformation
{
    /// <summary>The product's version.</summary>
    public static string Version { get; } =
        typeof(ServerInformation).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    /// <summary>What connections are told in the hello.</summary>
    public static string Name => $"chasqui/{Version}";

    public static WireOperation Operation(IReadOnlyList<string> operations) => async (call, answer, cancellationToken) =>
    {
        await WireRequest.ReadAsync(call, Empty.Parser, cancellationToken).ConfigureAwait(false);
        var info = new ServerInfo { Name = "chasqui", Version = Version };
        info.Operations.AddRange(operations.Append(Protocol.Operations.Operation.ServerInfo).Order(StringComparer.Ordinal));
        await answer.SendAsync(info, end: true, cancellationToken).ConfigureAwait(false);
    };
}
