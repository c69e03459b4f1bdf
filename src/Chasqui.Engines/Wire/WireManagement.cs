using System.Text.Json;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Wire;

/// <summary>Requests that change models, and their progress, as messages of the wire, and back.</summary>
public static class WireManagement
{
    /// <summary>To the wire.</summary>
    public static Messages.TransferRequest ToWire(TransferRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new Messages.TransferRequest { Model = request.Model, Insecure = request.Insecure };
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">It names no model.</exception>
    public static TransferRequest FromWire(Messages.TransferRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new TransferRequest { Model = WireRequests.Model(wire.Model), Insecure = wire.Insecure };
    }

    /// <summary>To the wire.</summary>
    public static Messages.CreateModelRequest ToWire(CreateRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wire = new Messages.CreateModelRequest
        {
            Model = request.Model,
            From = request.From ?? "",
            HasLicenses = request.Licenses is not null,
            Parameters = request.Parameters is { } parameters ? parameters.GetRawText() : "",
            HasMessages = request.Messages is not null,
            Quantize = request.Quantize ?? "",
        };
        if (request.Template is not null)
            wire.Template = request.Template;
        if (request.System is not null)
            wire.System = request.System;
        foreach (var (name, digest) in request.Files)
            wire.Files[name] = digest;
        foreach (var (name, digest) in request.Adapters)
            wire.Adapters[name] = digest;
        wire.Licenses.AddRange(request.Licenses ?? []);
        wire.Messages.AddRange((request.Messages ?? []).Select(WireRequests.ToWire));
        return wire;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">A field is wrong; the message names it.</exception>
    public static CreateRequest FromWire(Messages.CreateModelRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new CreateRequest
        {
            Model = WireRequests.Model(wire.Model),
            From = wire.From.Length > 0 ? wire.From : null,
            Files = wire.Files.ToDictionary(StringComparer.Ordinal),
            Adapters = wire.Adapters.ToDictionary(StringComparer.Ordinal),
            Template = wire.HasTemplate ? wire.Template : null,
            System = wire.HasSystem ? wire.System : null,
            Licenses = wire.HasLicenses || wire.Licenses.Count > 0 ? [.. wire.Licenses] : null,
            Parameters = wire.Parameters.Length > 0 ? Parameters(wire.Parameters) : null,
            Messages = wire.HasMessages || wire.Messages.Count > 0 ? [.. wire.Messages.Select(WireRequests.FromWire)] : null,
            Quantize = wire.Quantize.Length > 0 ? wire.Quantize : null,
        };
    }

    /// <summary>To the wire.</summary>
    public static Messages.PullProgress ToWire(ModelProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        return new Messages.PullProgress
        {
            Status = progress.Status,
            Digest = progress.Digest ?? "",
            TotalBytes = progress.Total ?? 0,
            CompletedBytes = progress.Completed ?? 0,
            Node = progress.Node ?? "",
        };
    }

    /// <summary>From the wire.</summary>
    public static ModelProgress FromWire(Messages.PullProgress wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        var step = wire.Digest.Length == 0 ? new ModelProgress(wire.Status) : new ModelProgress(wire.Status, wire.Digest, wire.TotalBytes, wire.CompletedBytes);
        return wire.Node.Length == 0 ? step : step with { Node = wire.Node };
    }

    private static JsonElement Parameters(string json)
    {
        try
        {
            var value = JsonElement.Parse(json);
            return value.ValueKind == JsonValueKind.Object ? value : throw new InvalidRequestException("parameters must be a JSON object");
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException("parameters is not JSON", e);
        }
    }
}
