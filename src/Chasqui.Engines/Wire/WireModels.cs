using System.Text.Json.Nodes;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Wire;

/// <summary>Models as messages of the wire, and back.</summary>
public static class WireModels
{
    /// <summary>To the wire.</summary>
    public static Messages.ModelSummary ToWire(ModelSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        var wire = new Messages.ModelSummary
        {
            Name = summary.Name,
            ModifiedTicks = WireTime.ToTicks(summary.ModifiedAt),
            SizeBytes = summary.SizeBytes,
            Digest = summary.Digest,
            Details = new Messages.ModelDetails
            {
                ParentModel = summary.Details.ParentModel,
                Format = summary.Details.Format,
                Family = summary.Details.Family,
                ParameterSize = summary.Details.ParameterSize,
                QuantizationLevel = summary.Details.QuantizationLevel,
                ContextLength = summary.Details.ContextLength,
                EmbeddingLength = summary.Details.EmbeddingLength,
            },
        };
        wire.Capabilities.AddRange(summary.Capabilities);
        return wire;
    }

    /// <summary>From the wire.</summary>
    public static ModelSummary FromWire(Messages.ModelSummary wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        var details = wire.Details ?? new Messages.ModelDetails();
        return new ModelSummary
        {
            Name = wire.Name,
            ModifiedAt = WireTime.FromTicks(wire.ModifiedTicks),
            SizeBytes = wire.SizeBytes,
            Digest = wire.Digest,
            Capabilities = [.. wire.Capabilities],
            Details = new ModelDetails
            {
                ParentModel = details.ParentModel,
                Format = details.Format,
                Family = details.Family,
                ParameterSize = details.ParameterSize,
                QuantizationLevel = details.QuantizationLevel,
                ContextLength = details.ContextLength,
                EmbeddingLength = details.EmbeddingLength,
            },
        };
    }

    /// <summary>To the wire. The file's path stays here: it is nobody else's.</summary>
    public static Messages.ModelDescription ToWire(ModelDescription model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var wire = new Messages.ModelDescription
        {
            Summary = ToWire(model.Summary),
            Template = model.Template,
            TemplateIsGo = model.TemplateIsGo,
            System = model.System,
            Parameters = WireOptions.ToWire(model.Parameters),
        };
        wire.Licenses.AddRange(model.Licenses);
        wire.Messages.AddRange(model.Messages.Select(WireRequests.ToWire));
        wire.RawParameters.AddRange(model.RawParameters.Select(p => Field(p.Key, p.Value)));
        wire.Metadata.AddRange(model.Metadata.Select(p => Field(p.Key, p.Value)));
        foreach (var tensor in model.Tensors)
        {
            var described = new Messages.TensorDescription { Name = tensor.Name, Type = tensor.Type };
            described.Shape.AddRange(tensor.Shape);
            wire.Tensors.Add(described);
        }

        return wire;
    }

    /// <summary>From the wire.</summary>
    public static ModelDescription FromWire(Messages.ModelDescription wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new ModelDescription
        {
            Summary = FromWire(wire.Summary ?? new Messages.ModelSummary()),
            Path = "",
            Template = wire.Template,
            TemplateIsGo = wire.TemplateIsGo,
            System = wire.System,
            Licenses = [.. wire.Licenses],
            Messages = [.. wire.Messages.Select(WireRequests.FromWire)],
            Parameters = WireOptions.FromWire(wire.Parameters),
            RawParameters = [.. wire.RawParameters.Select(f => KeyValuePair.Create(f.Name, JsonNode.Parse(f.Json)!))],
            Metadata = wire.Metadata.ToDictionary(f => f.Name, f => JsonNode.Parse(f.Json), StringComparer.Ordinal),
            Tensors = [.. wire.Tensors.Select(t => new TensorDescription(t.Name, t.Type, [.. t.Shape]))],
        };
    }

    /// <summary>To the wire.</summary>
    public static Messages.ResidentModel ToWire(ResidentModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new Messages.ResidentModel
        {
            Summary = ToWire(model.Summary),
            SizeBytes = model.SizeBytes,
            VideoMemoryBytes = model.VideoMemoryBytes,
            ContextLength = model.ContextLength,
            Slots = model.Slots,
            Running = model.Running,
            Waiting = model.Waiting,
            Counters = new Messages.ComputeCounters
            {
                Steps = model.Counters.Steps,
                PromptTokens = model.Counters.PromptTokens,
                CompletionTokens = model.Counters.CompletionTokens,
                ComputeNs = WireTime.ToWire(model.Counters.ComputeTime),
            },
            ExpiresTicks = WireTime.ToTicks(model.ExpiresAt),
            LoadNs = WireTime.ToWire(model.LoadDuration),
        };
    }

    /// <summary>From the wire.</summary>
    public static ResidentModel FromWire(Messages.ResidentModel wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        var counters = wire.Counters ?? new Messages.ComputeCounters();
        return new ResidentModel
        {
            Summary = FromWire(wire.Summary ?? new Messages.ModelSummary()),
            SizeBytes = wire.SizeBytes,
            VideoMemoryBytes = wire.VideoMemoryBytes,
            ContextLength = wire.ContextLength,
            Slots = wire.Slots,
            Running = wire.Running,
            Waiting = wire.Waiting,
            Counters = new ComputeCounters(
                counters.Steps, counters.PromptTokens, counters.CompletionTokens, WireTime.FromWire(counters.ComputeNs)),
            ExpiresAt = WireTime.FromTicks(wire.ExpiresTicks),
            LoadDuration = WireTime.FromWire(wire.LoadNs),
        };
    }

    private static Messages.JsonField Field(string name, JsonNode? value) => new() { Name = name, Json = value?.ToJsonString() ?? "null" };
}
